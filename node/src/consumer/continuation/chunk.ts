import { isJsonObject, type JsonObject, parseJsonObject, stringIn } from '../../engine/json.ts'

/** One OpenAI chunk, of a chat or a completion. */
export type Chunk = JsonObject

/** Where in a choice a text belongs: `content`, `text`, `reasoning`, `refusal`, `call 0 name`, `call 0 arguments` … */
export type Channel = string

/** Decides what of a text is kept; an empty text is left out. */
export type Keep = (choice: number, channel: Channel, text: string) => string

export const REASONING: readonly Channel[] = ['reasoning', 'reasoning_content']
/** In the order in which a model writes them. */
const DELTA_TEXTS: readonly Channel[] = [...REASONING, 'content', 'refusal']
const KNOWN = new Set(['role', 'tool_calls', 'function_call', ...DELTA_TEXTS])

/** `undefined` for a payload that is none of OpenAI's chunks. */
export function parseChunk(payload: Uint8Array): Chunk | undefined {
  const chunk = parseJsonObject(payload)
  return Array.isArray(chunk?.choices) ? chunk : undefined
}

export function choicesOf(chunk: Chunk): readonly JsonObject[] {
  return Array.isArray(chunk.choices) ? chunk.choices.filter(isJsonObject) : []
}

export function choiceIndex(choice: JsonObject): number {
  return typeof choice.index === 'number' ? choice.index : 0
}

export function finishReasonOf(choice: JsonObject): string | undefined {
  return stringIn(choice, 'finish_reason')
}

/** The choice with its texts cut to what is kept of them. */
export function mapTexts(choice: JsonObject, keep: Keep): JsonObject {
  const index = choiceIndex(choice)
  const cut: Record<string, unknown> = { ...choice }
  if (isJsonObject(choice.delta)) cut.delta = mapDelta(choice.delta, index, keep)
  if (typeof choice.text === 'string') cut.text = kept(keep, index, 'text', choice.text)
  return cut
}

/** Whether a choice says something that has no text: sound, an image, what is not known here. */
export function isOpaque(choice: JsonObject): boolean {
  if (!isJsonObject(choice.delta)) return false
  return Object.entries(choice.delta).some(
    ([field, value]) => !KNOWN.has(field) && !isNothing(value),
  )
}

function mapDelta(delta: JsonObject, index: number, keep: Keep): JsonObject {
  const cut: Record<string, unknown> = { ...delta }
  for (const field of DELTA_TEXTS) {
    const text = delta[field]
    if (typeof text === 'string') cut[field] = kept(keep, index, field, text)
  }
  if (Array.isArray(delta.tool_calls)) {
    const calls = delta.tool_calls.filter(isJsonObject).flatMap((call) => {
      const at = typeof call.index === 'number' ? call.index : 0
      const made = mapCall(call.function, `call ${at}`, index, keep)
      if (made === undefined) return []
      if (made.name !== undefined) return [{ ...call, function: made }]
      // Its id was told with its name.
      const { id: _id, type: _type, ...rest } = call
      return [{ ...rest, function: made }]
    })
    if (calls.length > 0) cut.tool_calls = calls
    else delete cut.tool_calls
  }
  if (isJsonObject(delta.function_call)) {
    const made = mapCall(delta.function_call, 'function', index, keep)
    if (made === undefined) delete cut.function_call
    else cut.function_call = made
  }
  return cut
}

/** `undefined` when nothing is left of it. */
function mapCall(
  call: unknown,
  channel: Channel,
  index: number,
  keep: Keep,
): Record<string, unknown> | undefined {
  const name = kept(keep, index, `${channel} name`, stringIn(call, 'name') ?? '')
  const text = kept(keep, index, `${channel} arguments`, stringIn(call, 'arguments') ?? '')
  if (name === '' && text === '') return undefined
  return name === '' ? { arguments: text } : { name, arguments: text }
}

function kept(keep: Keep, index: number, channel: Channel, text: string): string {
  return text === '' ? '' : keep(index, channel, text)
}

function isNothing(value: unknown): boolean {
  return (
    value === null || value === undefined || value === '' || (Array.isArray(value) && !value.length)
  )
}
