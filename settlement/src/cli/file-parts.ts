import { createReadStream } from 'node:fs'
import { SettlementError } from '../errors.ts'

/** A part of a file that can be imported by itself. */
export interface FilePart {
  readonly bytes: Uint8Array
  /** What to add to a line of this part to get the line of the file. */
  readonly linesBefore: number
  /** How far into the file it ends. */
  readonly end: number
}

/** The service takes no document of that size; lines have no end. */
const DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
const QUOTE = 0x22
const NEWLINE = 0x0a

/**
 * A file in parts of some size: CSV between two of its rows, each with the header, JSON Lines between two lines. A document
 * of JSON is one part.
 *
 * @throws {SettlementError} HANSE_REQUEST_TOO_LARGE
 */
export async function* fileParts(
  path: string,
  { isCsv, bytes: partBytes }: { readonly isCsv: boolean; readonly bytes: number },
): AsyncGenerator<FilePart> {
  const scan = new BoundaryScan(isCsv)
  let pending = Buffer.alloc(0)
  let header: Buffer | undefined
  let [sent, lines] = [0, 0]
  const part = (bytes: Buffer): FilePart => {
    const isFirst = sent === 0
    sent += bytes.byteLength
    const before = isFirst || header === undefined ? lines : lines - countLines(header)
    lines += countLines(bytes)
    const whole = isFirst || header === undefined ? bytes : Buffer.concat([header, bytes])
    return { bytes: whole, linesBefore: before, end: sent }
  }
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const start = pending.byteLength
    pending = Buffer.concat([pending, chunk])
    scan.read(chunk, start)
    if (isCsv && header === undefined && scan.first !== undefined) {
      header = pending.subarray(0, scan.first)
    }
    if (pending.byteLength < partBytes || scan.last === undefined) continue
    if (!isCsv && sent === 0 && !isLines(pending)) {
      if (pending.byteLength > DOCUMENT_BYTES_MAX) throw tooLarge(path)
      continue
    }
    yield part(pending.subarray(0, scan.last))
    pending = pending.subarray(scan.last)
    scan.last = undefined
  }
  if (pending.byteLength > 0 || sent === 0) yield part(pending)
}

/** Where records end: at a newline, in CSV one that is not between quotes. */
class BoundaryScan {
  readonly #isCsv: boolean
  #isQuoted = false
  /** Behind the first record, and behind the last that has ended. */
  first: number | undefined
  last: number | undefined

  constructor(isCsv: boolean) {
    this.#isCsv = isCsv
  }

  read(chunk: Uint8Array, start: number): void {
    for (const [i, byte] of chunk.entries()) {
      if (byte === QUOTE && this.#isCsv) this.#isQuoted = !this.#isQuoted
      if (byte !== NEWLINE || this.#isQuoted) continue
      this.last = start + i + 1
      this.first ??= this.last
    }
  }
}

/** JSON Lines: an object ends on the first line. */
function isLines(start: Buffer): boolean {
  const line = start.subarray(0, start.indexOf(NEWLINE)).toString('utf8').trim()
  return line.startsWith('{') && line.endsWith('}')
}

function countLines(bytes: Uint8Array): number {
  let lines = 0
  for (const byte of bytes) if (byte === NEWLINE) lines++
  return lines
}

const tooLarge = (path: string): SettlementError =>
  new SettlementError(
    'HANSE_REQUEST_TOO_LARGE',
    `${path}: write it as JSON Lines, an object on each line`,
  )
