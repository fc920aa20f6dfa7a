import { HanseError } from '../../errors.ts'
import { concat, utf8 } from '../../wire.ts'
import { crc32 } from './crc32.ts'

// Zip (PKWARE APPNOTE 6.3.10) as far as it takes: files are stored, not compressed, all of one time, without comments or
// extra fields. So one list of files has one archive, to the last byte, and every system opens it.

export interface PackageFile {
  /** With `/` between folders. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** What the fields of the format hold is more; nobody asks for as many. */
export const PACKAGE_FILES_MAX = 20_000
/** Of the archive: what fits into memory a few times over, in a browser too. */
export const PACKAGE_BYTES_MAX = 64 << 20

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const LOCAL_BYTES = 30
const CENTRAL_BYTES = 46
const END_BYTES = 22
const VERSION = 20
/** Names are UTF-8. */
const FLAGS = 0x0800
/** 1980-01-01, the first day that the format knows: when a file was packed says nothing. */
const DATE = 0x21

/** @throws {HanseError} HANSE_PACKAGE_FORMAT when there is too much of it */
export function writeZip(files: readonly PackageFile[]): Uint8Array<ArrayBuffer> {
  if (files.length > PACKAGE_FILES_MAX) throw badPackage(`${files.length} files`)
  const local: Uint8Array[] = []
  const central: Uint8Array[] = []
  let offset = 0
  for (const { path, bytes } of files) {
    const name = utf8(path)
    const common = commonOf(crc32(bytes), bytes.byteLength, name.byteLength)
    const head = concat([u32(LOCAL), u16(VERSION), common, name])
    local.push(head, bytes)
    central.push(u32(CENTRAL), u16(VERSION), u16(VERSION), common, new Uint8Array(10), u32(offset))
    central.push(name)
    offset += head.byteLength + bytes.byteLength
    if (offset > PACKAGE_BYTES_MAX) throw badPackage(`more than ${PACKAGE_BYTES_MAX} bytes`)
  }
  const index = concat(central)
  const count = u16(files.length)
  const end = [u32(END), u16(0), u16(0), count, count, u32(index.byteLength), u32(offset), u16(0)]
  return concat([...local, index, ...end])
}

/** What both heads of a file have alike: from the flags to the length of the extra field. */
function commonOf(crc: number, size: number, nameBytes: number): Uint8Array {
  const time = u16(0)
  const stored = u16(0)
  return concat([
    u16(FLAGS),
    stored,
    time,
    u16(DATE),
    u32(crc),
    u32(size),
    u32(size),
    u16(nameBytes),
    u16(0),
  ])
}

/**
 * Finds the files of an archive by its index. Their bytes are as they stand there, right or wrong: whether the archive is
 * what `writeZip` makes of them is for the caller to see.
 *
 * @throws {HanseError} HANSE_PACKAGE_FORMAT when it cannot be read as one
 */
export function readZip(archive: Uint8Array): PackageFile[] {
  if (archive.byteLength > PACKAGE_BYTES_MAX * 2) throw badPackage('too large')
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength)
  const end = archive.byteLength - END_BYTES
  if (end < 0 || view.getUint32(end, true) !== END) throw badPackage('it has no end of a zip file')
  const count = view.getUint16(end + 10, true)
  const files: PackageFile[] = []
  let at = view.getUint32(end + 16, true)
  for (let i = 0; i < count; i++) {
    const { file, next } = readFile(archive, view, at, end)
    files.push(file)
    at = next
  }
  return files
}

function readFile(archive: Uint8Array, view: DataView, at: number, end: number) {
  if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL) {
    throw badPackage('its index is damaged')
  }
  const size = view.getUint32(at + 20, true)
  const next = at + CENTRAL_BYTES + view.getUint16(at + 28, true)
  const start = view.getUint32(at + 42, true)
  if (next > end || start + LOCAL_BYTES > end) throw badPackage('its index is damaged')
  const from = start + LOCAL_BYTES + view.getUint16(start + 26, true)
  if (from + size > end) throw badPackage('a file is longer than the archive')
  const path = new TextDecoder().decode(archive.subarray(at + CENTRAL_BYTES, next))
  return { file: { path, bytes: archive.subarray(from, from + size) }, next }
}

const u16 = (value: number) => Uint8Array.of(value & 0xff, (value >>> 8) & 0xff)
const u32 = (value: number) => concat([u16(value & 0xffff), u16(value >>> 16)])

export const badPackage = (why: string): HanseError => new HanseError('HANSE_PACKAGE_FORMAT', why)
