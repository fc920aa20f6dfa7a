import { LineFault } from './line-fault.ts'

/** One of many things in a file: what it is, or why it could not be read. */
export interface Item<Value> {
  /** Where it begins, from 1. */
  readonly line: number
  readonly value: Value | LineFault
}

/** A record of usage has a kilobyte; one that carries a prompt, which is thrown away, may have a hundred. */
export const LINE_CHARS_MAX = 1024 * 1024

/** UTF-8 as text, a byte order mark left out. @throws {LineFault} when it is not UTF-8 */
export async function* decoded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true })
    yield decoder.decode()
  } catch (error) {
    if (error instanceof TypeError) throw new LineFault('HANSE_IMPORT_FORMAT', 'not UTF-8')
    throw error
  }
}

/** Lines without their ends, empty ones left out. One that is too long is skipped to its end, and told. */
export async function* linesOf(
  texts: AsyncIterable<string>,
  charsMax: number,
): AsyncGenerator<Item<string>> {
  let open = ''
  let isSkipping = false
  let line = 1
  const ended = (text: string): Item<string> | undefined => {
    if (isSkipping) return { line, value: tooLong(charsMax) }
    const trimmed = text.endsWith('\r') ? text.slice(0, -1) : text
    return trimmed.trim() === '' ? undefined : { line, value: trimmed }
  }
  for await (const text of texts) {
    const parts = text.split('\n')
    for (const [i, part] of parts.entries()) {
      if (i > 0) {
        const item = ended(open)
        if (item !== undefined) yield item
        open = ''
        isSkipping = false
        line++
      }
      if (!isSkipping) open += part
      if (open.length > charsMax) {
        open = ''
        isSkipping = true
      }
    }
  }
  const last = ended(open)
  if (last !== undefined) yield last
}

export const tooLong = (charsMax = LINE_CHARS_MAX): LineFault =>
  new LineFault('HANSE_IMPORT_LIMIT', `a record of more than ${charsMax} characters`)
