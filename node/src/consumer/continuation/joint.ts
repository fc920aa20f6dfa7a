import { HanseError } from '@hanse/protocol'
import { encodeJson, isJsonObject, type JsonObject, numberIn } from '../../engine/json.ts'
import {
  type Channel,
  type Chunk,
  choiceIndex,
  choicesOf,
  finishReasonOf,
  mapTexts,
  parseChunk,
  REASONING,
} from './chunk.ts'
import { type DeliveredText, HEAD_FIELDS, type Segment } from './delivered.ts'
import { withoutFirst } from './logprobs.ts'
import type { Method, Way } from './ways-on.ts'

/** What the parts before were worth, tokens: the prompt as it was read first, and what the client has of the answer. */
export interface TokensBefore {
  readonly input: number
  readonly output: number
}

/**
 * Makes one provider's chunks the continuation of what the client has: the same head, no second role, no text twice. The
 * usage at the end is left out: it is told for the whole answer, by whoever knows all of its parts.
 */
export class Joint {
  readonly #method: Method
  readonly #head: Readonly<Record<string, unknown>>
  readonly #finished: ReadonlySet<number>
  readonly #before: TokensBefore
  #roleTold: boolean
  /** Space that may come again. */
  #withheld: string
  /** What a replay has still to repeat, by choice. */
  readonly #repeats: Map<number, Segment[]>

  constructor({ method, withheld }: Way, delivered: DeliveredText, before: TokensBefore) {
    this.#method = method
    this.#head = delivered.head ?? {}
    this.#finished = new Set(delivered.finished)
    this.#roleTold = delivered.roleTold
    this.#before = before
    this.#withheld = withheld
    const choices = method === 'replay' ? [...delivered.choices] : []
    this.#repeats = new Map(choices.map(([index, segments]) => [index, [...segments]]))
  }

  /** Whether all that the client has was said, and what comes is new. */
  get caughtUp(): boolean {
    return [...this.#repeats.values()].every((segments) => segments.length === 0)
  }

  /**
   * What of these payloads the client is to get.
   *
   * @throws {HanseError} HANSE_SESSION_CUT when they are another answer
   */
  push(payloads: readonly Uint8Array[]): readonly Uint8Array[] {
    return payloads.flatMap((payload) => {
      const chunk = parseChunk(payload)
      // Not a chunk of the answer: it has no text that could be joined.
      if (chunk === undefined) return [payload]
      const joined = this.#join(chunk)
      return joined === undefined ? [] : [encodeJson(joined)]
    })
  }

  #join(chunk: Chunk): Chunk | undefined {
    const choices = choicesOf(chunk).flatMap((choice) => this.#joinChoice(choice) ?? [])
    if (choices.length === 0) return undefined
    const { usage, ...rest } = chunk
    const own = Object.entries(rest).filter(([field]) => !HEAD_FIELDS.includes(field))
    const running = isJsonObject(usage) ? { usage: this.#sum(usage) } : {}
    return { ...this.#head, ...Object.fromEntries(own), choices, ...running }
  }

  /** `undefined` when nothing of it is new. */
  #joinChoice(choice: JsonObject): JsonObject | undefined {
    let isNew = false
    let dropped = 0
    const cut = mapTexts(choice, (index, channel, text) => {
      const kept = this.#keep(index, channel, text)
      isNew ||= kept !== ''
      dropped += text.length - kept.length
      return kept
    })
    const index = choiceIndex(choice)
    const finishes = finishReasonOf(choice) !== undefined && !this.#finished.has(index)
    if (finishes && (this.#repeats.get(index) ?? []).length > 0) throw another('ended before')
    if (!isNew && !finishes && !this.#tellsRole(choice)) return undefined
    return {
      ...cut,
      ...(isJsonObject(cut.delta) ? { delta: this.#withoutRole(cut.delta) } : {}),
      ...(isJsonObject(choice.logprobs)
        ? { logprobs: withoutFirst(choice.logprobs, dropped) }
        : {}),
    }
  }

  /** Whether it has a role that the client has not been told yet. */
  #tellsRole({ delta }: JsonObject): boolean {
    return !this.#roleTold && isJsonObject(delta) && Object.hasOwn(delta, 'role')
  }

  #withoutRole(delta: JsonObject): JsonObject {
    const { role, ...rest } = delta
    if (role === undefined || this.#roleTold) return rest
    this.#roleTold = true
    return delta
  }

  /** What of a text the client does not have. */
  #keep(index: number, channel: Channel, text: string): string {
    switch (this.#method) {
      case 'replay':
        return this.#skipRepeated(index, channel, text)
      case 'prefix':
        if (REASONING.includes(channel)) throw another('began to think again')
        return this.#skipWithheld(channel, text)
      case 'restart':
        return this.#skipWithheld(channel, text)
    }
  }

  #skipWithheld(channel: Channel, text: string): string {
    if (this.#withheld === '') return text
    if (channel !== 'content' && channel !== 'text') return text
    const same = commonLength(this.#withheld, text)
    // What differs from the space that was there is new, and so is all that follows.
    this.#withheld = same === text.length ? this.#withheld.slice(same) : ''
    return text.slice(same)
  }

  #skipRepeated(index: number, channel: Channel, text: string): string {
    const segments = this.#repeats.get(index) ?? []
    let rest = text
    for (let segment = segments[0]; segment !== undefined && rest !== ''; segment = segments[0]) {
      if (segment.channel !== channel) throw another('said something else')
      const same = commonLength(segment.text, rest)
      if (same < segment.text.length && same < rest.length) throw another('said something else')
      rest = rest.slice(same)
      if (same === segment.text.length) segments.shift()
      else segments[0] = { channel, text: segment.text.slice(same) }
    }
    return rest
  }

  /** A running usage, as some engines send it with each chunk, of the whole answer. */
  #sum(usage: JsonObject): JsonObject {
    const before = this.#method === 'prefix' ? this.#before.output : 0
    const output = before + (numberIn(usage, 'completion_tokens') ?? 0)
    return usageOf({ input: this.#before.input, output })
  }
}

/** Usage as OpenAI writes it, tokens. */
export function usageOf({ input, output }: TokensBefore): JsonObject {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

function commonLength(one: string, other: string): number {
  const most = Math.min(one.length, other.length)
  let same = 0
  while (same < most && one.charCodeAt(same) === other.charCodeAt(same)) same++
  return same
}

function another(how: string): HanseError {
  return new HanseError(
    'HANSE_SESSION_CUT',
    `the provider that was to go on with the answer ${how}: it is another answer`,
  )
}
