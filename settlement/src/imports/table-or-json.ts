import { csvRows } from './csv.ts'
import type { ExactJson } from './exact-json.ts'
import { jsonItems } from './json-items.ts'
import { LineFault } from './line-fault.ts'
import type { Item } from './lines.ts'

/** Whether a text begins as JSON does; a header of CSV has none of these first. */
export const beginsAsJson = (text: string): boolean => /^\s*[[{]/u.test(text)

/**
 * Rows of a table that was exported in either form. Of CSV each is an object of its columns, all of them texts.
 *
 * @throws {LineFault} when it is neither
 */
export async function* tableOrJson(texts: AsyncIterable<string>): AsyncGenerator<Item<ExactJson>> {
  const iterator = texts[Symbol.asyncIterator]()
  const first: string[] = []
  let next = await iterator.next()
  while (next.done !== true) {
    first.push(next.value)
    if (next.value.trim() !== '') break
    next = await iterator.next()
  }
  const all = (async function* () {
    yield* first
    yield* { [Symbol.asyncIterator]: () => iterator }
  })()
  const start = first.at(-1) ?? ''
  if (start === '' || beginsAsJson(start)) yield* jsonItems(all)
  else if (/[,;]/u.test(start)) yield* rowsOf(all)
  else throw new LineFault('HANSE_IMPORT_FORMAT', 'neither JSON nor CSV')
}

async function* rowsOf(texts: AsyncIterable<string>): AsyncGenerator<Item<ExactJson>> {
  for await (const { line, value } of csvRows(texts)) {
    yield { line, value: value instanceof LineFault ? value : Object.fromEntries(value) }
  }
}
