import { type ExactJson, parseExactJson } from './exact-json.ts'
import { LineFault } from './line-fault.ts'
import { type Item, linesOf } from './lines.ts'

/** A page of a provider's report has a few hundred kilobytes; a document is parsed as a whole. */
const DOCUMENT_CHARS_MAX = 16 * 1024 * 1024

/**
 * What is in a file of JSON: the elements of its list, its one object, or an object for each line, as they arrive. The
 * elements of a list are counted as lines.
 *
 * @throws {LineFault} when it is one document, and not JSON
 */
export async function* jsonItems(texts: AsyncIterable<string>): AsyncGenerator<Item<ExactJson>> {
  const lines = linesOf(texts, DOCUMENT_CHARS_MAX)
  let document: string | undefined
  let isFirst = true
  for await (const { line, value } of lines) {
    if (isFirst && typeof value === 'string' && isDocument(value)) document = ''
    isFirst = false
    if (document === undefined) {
      yield { line, value: value instanceof LineFault ? value : parsedLine(value) }
      continue
    }
    if (value instanceof LineFault) throw value
    document += `${value}\n`
    if (document.length > DOCUMENT_CHARS_MAX) throw tooLarge()
  }
  if (document !== undefined) yield* elementsOf(document)
}

/** A list, or an object that does not end on its first line. */
const isDocument = (line: string): boolean =>
  line.trimStart().startsWith('[') || !line.trimEnd().endsWith('}')

function* elementsOf(document: string): Generator<Item<ExactJson>> {
  const value = parsedLine(document)
  if (value instanceof LineFault) throw value
  const elements: readonly ExactJson[] = Array.isArray(value) ? value : [value]
  for (const [i, element] of elements.entries()) yield { line: i + 1, value: element }
}

function parsedLine(text: string): ExactJson | LineFault {
  try {
    return parseExactJson(text)
  } catch {
    // What the parser says quotes what it read.
    return new LineFault('HANSE_IMPORT_FORMAT', 'not JSON')
  }
}

const tooLarge = (): LineFault =>
  new LineFault(
    'HANSE_IMPORT_LIMIT',
    `a document of more than ${DOCUMENT_CHARS_MAX} characters; send it as JSON Lines`,
  )
