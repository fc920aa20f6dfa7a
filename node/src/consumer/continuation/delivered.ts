import { isJsonObject } from '../../engine/json.ts'
import {
  type Channel,
  type Chunk,
  choiceIndex,
  choicesOf,
  finishReasonOf,
  isOpaque,
  mapTexts,
  parseChunk,
} from './chunk.ts'
import { KeptChunks } from './kept-chunks.ts'

/** Text of one kind, up to where text of another kind follows. */
export interface Segment {
  readonly channel: Channel
  readonly text: string
}

/** Fields that are the same in all chunks of an answer. */
export const HEAD_FIELDS: readonly string[] = [
  'id',
  'object',
  'created',
  'model',
  'system_fingerprint',
]

/** An answer as far as the client has it. */
export interface DeliveredText {
  /** Of the first chunk; `undefined` before it. */
  readonly head: Readonly<Record<string, unknown>> | undefined
  /** By the index of the choice, in the order in which it was written. */
  readonly choices: ReadonlyMap<number, readonly Segment[]>
  readonly roleTold: boolean
  /** Choices that have a finish reason. */
  readonly finished: ReadonlySet<number>
  readonly usageTold: boolean
  readonly logprobs: boolean
  /** Something was delivered that has no text. */
  readonly opaque: boolean
}

/** Reading a chunk costs microseconds, and most answers never need it: some ten thousand tokens are kept unread. */
const UNREAD_BYTES_MAX = 256 * 1024

/** Remembers what was passed on to the client, so that another provider can go on with it. */
export class Delivered {
  #unread = new KeptChunks()
  #payloads = 0
  readonly #text = {
    head: undefined as DeliveredText['head'],
    choices: new Map<number, { channel: Channel; text: string }[]>(),
    roleTold: false,
    finished: new Set<number>(),
    usageTold: false,
    logprobs: false,
    opaque: false,
  }

  /** Payloads so far. */
  get payloads(): number {
    return this.#payloads
  }

  add(payloads: readonly Uint8Array[]): void {
    for (const payload of payloads) this.#unread.add(payload)
    this.#payloads += payloads.length
    if (this.#unread.byteLength > UNREAD_BYTES_MAX) this.#readAll()
  }

  read(): DeliveredText {
    this.#readAll()
    return this.#text
  }

  #readAll(): void {
    for (const payload of this.#unread) {
      const chunk = parseChunk(payload)
      if (chunk !== undefined) this.#onChunk(chunk)
    }
    this.#unread = new KeptChunks()
  }

  #onChunk(chunk: Chunk): void {
    const text = this.#text
    text.head ??= Object.fromEntries(
      HEAD_FIELDS.flatMap((field) => (Object.hasOwn(chunk, field) ? [[field, chunk[field]]] : [])),
    )
    const choices = choicesOf(chunk)
    if (choices.length === 0 && isJsonObject(chunk.usage)) text.usageTold = true
    for (const choice of choices) {
      if (isJsonObject(choice.delta) && Object.hasOwn(choice.delta, 'role')) text.roleTold = true
      if (finishReasonOf(choice) !== undefined) text.finished.add(choiceIndex(choice))
      if (isJsonObject(choice.logprobs)) text.logprobs = true
      if (isOpaque(choice)) text.opaque = true
      mapTexts(choice, (index, channel, piece) => this.#append(index, channel, piece))
    }
  }

  #append(index: number, channel: Channel, piece: string): string {
    const segments = this.#text.choices.get(index) ?? []
    this.#text.choices.set(index, segments)
    const last = segments.at(-1)
    if (last?.channel === channel) last.text += piece
    else segments.push({ channel, text: piece })
    return piece
  }
}

/** Whether a client has seen anything of it: space alone can be asked for again. */
export function isVisible({ choices, opaque }: DeliveredText): boolean {
  if (opaque) return true
  return [...choices.values()].some((segments) => segments.some(({ text }) => text.trim() !== ''))
}
