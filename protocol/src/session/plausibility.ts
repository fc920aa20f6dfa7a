import { utf8 } from '../wire.ts'

/**
 * Output tokens that an answer may count beyond the bytes of text that it shows: stop tokens, the frame of a tool call,
 * the marks around a thought. What an engine thinks and does not show beyond that is not charged.
 */
export const SILENT_TOKENS_MAX = 32n

/** A model's own tokenizer, where the consumer has it: what the provider counts is then checked, not just bounded. */
export interface Tokenizer {
  /** Input tokens of the request that is ordered, exactly. */
  readonly inputTokens: bigint
  /** The most output tokens that this text can be, without the silent ones. */
  outputTokensMax(text: string): bigint
}

/** The most output tokens that `shownBytes` of text can be: a token of any tokenizer is at least one byte. */
export function outputTokensMax(shownBytes: bigint): bigint {
  return shownBytes + SILENT_TOKENS_MAX
}

export function shownBytes(payload: Uint8Array): bigint {
  return BigInt(utf8(shownText(payload)).byteLength)
}

/**
 * What a model has generated, as far as an OpenAI chunk shows it: `content`, `reasoning`, `reasoning_content`, `refusal`,
 * and the names and arguments of tool and function calls in each choice's `delta`, and `text` of a completion. Anything
 * else in a chunk is the server's, and pads nothing. A payload that is not such a chunk shows nothing.
 */
export function shownText(payload: Uint8Array): string {
  let chunk: unknown
  try {
    chunk = JSON.parse(new TextDecoder().decode(payload))
  } catch {
    return ''
  }
  return list(member(chunk, 'choices')).map(textOfChoice).join('')
}

const DELTA_TEXTS = ['content', 'reasoning', 'reasoning_content', 'refusal'] as const

function textOfChoice(choice: unknown): string {
  const delta = member(choice, 'delta')
  const calls = list(member(delta, 'tool_calls')).map((call) => member(call, 'function'))
  return [
    ...DELTA_TEXTS.map((key) => text(member(delta, key))),
    ...[...calls, member(delta, 'function_call')].flatMap((call) => [
      text(member(call, 'name')),
      text(member(call, 'arguments')),
    ]),
    text(member(choice, 'text')),
  ].join('')
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
