import { ChunkScanner } from './chunk-scanner.ts'

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
export function outputTokensMax(shownBytes: number): number {
  return shownBytes + Number(SILENT_TOKENS_MAX)
}

/** Bytes of `shownText` in UTF-8. */
export function shownBytes(payload: Uint8Array): number {
  return scanner.scan(payload) ? scanner.shownBytes : utf8Length(shownText(payload))
}

const scanner = new ChunkScanner()

/** Bytes of a text in UTF-8, as an encoder would write it. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // Two units of a pair make four bytes; a lone surrogate is written as U+FFFD, which has three.
    const isPair = unit >= 0xd800 && unit < 0xdc00 && isTrailing(text.charCodeAt(i + 1))
    if (isPair) i++
    bytes += unit < 0x800 ? 1 : 2
  }
  return bytes
}

function isTrailing(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}

/**
 * What a model has generated, as far as an OpenAI chunk shows it: `content`, `reasoning`, `reasoning_content`, `refusal`,
 * and the names and arguments of tool and function calls in each choice's `delta`, and `text` of a completion. Anything
 * else in a chunk is the server's, and pads nothing. A payload that is not such a chunk shows nothing.
 */
export function shownText(payload: Uint8Array): string {
  let chunk: unknown
  try {
    chunk = JSON.parse(decoder.decode(payload))
  } catch {
    return ''
  }
  let shown = ''
  for (const choice of list(member(chunk, 'choices'))) shown += textOfChoice(choice)
  return shown
}

const decoder = new TextDecoder()

function textOfChoice(choice: unknown): string {
  const delta = member(choice, 'delta')
  let shown =
    text(member(delta, 'content')) +
    text(member(delta, 'reasoning')) +
    text(member(delta, 'reasoning_content')) +
    text(member(delta, 'refusal'))
  for (const call of list(member(delta, 'tool_calls')))
    shown += textOfCall(member(call, 'function'))
  return shown + textOfCall(member(delta, 'function_call')) + text(member(choice, 'text'))
}

function textOfCall(call: unknown): string {
  return text(member(call, 'name')) + text(member(call, 'arguments'))
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}

const NONE: readonly unknown[] = []
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : NONE)
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
