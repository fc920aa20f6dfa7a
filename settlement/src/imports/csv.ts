import { LineFault } from './line-fault.ts'
import { type Item, LINE_CHARS_MAX, tooLong } from './lines.ts'

/** A row by the names in the header, as they are written there. */
export type CsvRow = ReadonlyMap<string, string>

/** A cost export of a cloud has some two hundred columns. */
const COLUMNS_MAX = 500

/**
 * RFC 4180, as it arrives, with `,` or `;` between fields: whichever the header has more of. A row that is wrong fails by
 * itself; what follows a quote that is never closed cannot be told from its field, and ends the file.
 *
 * @throws {LineFault} when there is no header
 */
export async function* csvRows(texts: AsyncIterable<string>): AsyncGenerator<Item<CsvRow>> {
  let header: readonly string[] | undefined
  let reader: RecordReader | undefined
  let start = ''
  for await (const text of texts) {
    if (reader === undefined) {
      start += text
      if (!start.includes('\n')) {
        if (start.length > LINE_CHARS_MAX) throw tooLong()
        continue
      }
      reader = new RecordReader(delimiterOf(start))
    }
    for (const record of reader.push(start === '' ? text : start)) {
      if (header === undefined) header = headerOf(record)
      else yield toRow(header, record)
    }
    start = ''
  }
  reader ??= new RecordReader(delimiterOf(start))
  for (const record of [...reader.push(start), ...reader.end()]) {
    if (header === undefined) header = headerOf(record)
    else yield toRow(header, record)
  }
  if (header === undefined) throw new LineFault('HANSE_IMPORT_FORMAT', 'no header')
}

type Row = Item<readonly string[]>

/** Fields out of text that comes in any pieces. */
class RecordReader {
  readonly #delimiter: string
  /** Quotes at the end of a piece: whether they are pairs, the next piece says. */
  #held = ''
  #fields: string[] = []
  #field = ''
  #state: 'start' | 'plain' | 'quoted' | 'closed' = 'start'
  #fault: LineFault | undefined
  #chars = 0
  #line = 1
  #begun = 1

  constructor(delimiter: string) {
    this.#delimiter = delimiter
  }

  *push(text: string): Generator<Row> {
    const all = this.#held + text
    let held = all.length
    while (held > 0 && all[held - 1] === '"') held--
    this.#held = all.slice(held)
    yield* this.#read(all.slice(0, held))
  }

  *end(): Generator<Row> {
    yield* this.#read(this.#held)
    if (this.#state === 'quoted') this.#fault ??= format('a quote that is never closed')
    if (this.#state !== 'start' || this.#fields.length > 0) yield* this.#endRow()
  }

  *#read(text: string): Generator<Row> {
    for (let at = 0; at < text.length; ) {
      const char = text[at]
      if (this.#state === 'quoted') at = this.#readQuoted(text, at)
      else if (char === this.#delimiter) {
        this.#endField()
        at++
      } else if (char === '\n') {
        yield* this.#endRow()
        at++
      } else if (char === '"' && this.#state === 'start') {
        this.#state = 'quoted'
        at++
      } else at = this.#readPlain(text, at)
    }
  }

  #readPlain(text: string, at: number): number {
    let end = at
    while (end < text.length && text[end] !== this.#delimiter && text[end] !== '\n') end++
    const part = text.slice(at, end)
    if (this.#state !== 'closed') {
      if (part.includes('"')) this.#fault ??= format('a quote in a field that is not in quotes')
      this.#state = 'plain'
      this.#append(part)
    } else if (part !== '\r') this.#fault ??= format('text after a closing quote')
    return end
  }

  #readQuoted(text: string, at: number): number {
    const quote = text.indexOf('"', at)
    const end = quote === -1 ? text.length : quote
    const part = text.slice(at, end)
    this.#line += part.split('\n').length - 1
    this.#append(part)
    if (quote === -1) return end
    if (text[quote + 1] === '"') {
      this.#append('"')
      return quote + 2
    }
    this.#state = 'closed'
    return quote + 1
  }

  #append(part: string): void {
    this.#chars += part.length
    if (this.#chars > LINE_CHARS_MAX) this.#fault ??= tooLong()
    else this.#field += part
  }

  #endField(): void {
    if (this.#fields.length < COLUMNS_MAX) this.#fields.push(this.#field)
    else this.#fault ??= format(`more than ${COLUMNS_MAX} columns`)
    this.#field = ''
    this.#state = 'start'
  }

  *#endRow(): Generator<Row> {
    if (this.#state === 'plain' && this.#field.endsWith('\r')) {
      this.#field = this.#field.slice(0, -1)
    }
    this.#endField()
    const isEmpty = this.#fields.length === 1 && this.#fields[0] === ''
    const line = this.#begun
    if (this.#fault !== undefined) yield { line, value: this.#fault }
    else if (!isEmpty) yield { line, value: this.#fields }
    this.#fields = []
    this.#fault = undefined
    this.#chars = 0
    this.#begun = ++this.#line
  }
}

function delimiterOf(start: string): string {
  let [commas, semicolons, isQuoted] = [0, 0, false]
  for (const char of start) {
    if (char === '\n' && !isQuoted) break
    if (char === '"') isQuoted = !isQuoted
    else if (char === ',' && !isQuoted) commas++
    else if (char === ';' && !isQuoted) semicolons++
  }
  return semicolons > commas ? ';' : ','
}

function headerOf({ value }: Row): readonly string[] {
  if (value instanceof LineFault) throw value
  const names = value.map((name) => name.trim())
  if (new Set(names).size < names.length) throw format('two columns of one name in the header')
  return names
}

function toRow(header: readonly string[], { line, value }: Row): Item<CsvRow> {
  if (value instanceof LineFault) return { line, value }
  if (value.length !== header.length) {
    const fault = format(`${value.length} fields, where the header has ${header.length}`)
    return { line, value: fault }
  }
  return { line, value: new Map(header.map((name, i) => [name, value[i] ?? ''])) }
}

const format = (message: string): LineFault => new LineFault('HANSE_IMPORT_FORMAT', message)
