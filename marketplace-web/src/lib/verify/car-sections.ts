/** One block of a CAR file: the name that the file gives it, and what is there. */
export type Section = { readonly name: Uint8Array; readonly bytes: Uint8Array }

/** A CIDv1 of DAG-CBOR by SHA-256, as every record has: 0x01 0x71 0x12 0x20 and 32 bytes. */
const nameLength = 36
const namePrefix = [0x01, 0x71, 0x12, 0x20]

/**
 * The blocks of a CARv1 file, as far as it can be read: of a file that somebody changed, too, so that the page can
 * show where. It proves nothing; `verifyBundle` does.
 */
export function carSections(file: Uint8Array): Section[] {
  const header = readVarint(file, 0)
  if (header === undefined) return []
  const sections: Section[] = []
  let at = header.next + header.value
  while (at < file.length) {
    const length = readVarint(file, at)
    if (length === undefined) break
    const end = length.next + length.value
    const name = file.subarray(length.next, length.next + nameLength)
    if (end > file.length || namePrefix.some((byte, i) => name[i] !== byte)) break
    sections.push({ name, bytes: file.subarray(length.next + nameLength, end) })
    at = end
  }
  return sections
}

/** Unsigned LEB128; four bytes are 256 MB, more than any bundle. */
function readVarint(bytes: Uint8Array, start: number): { value: number; next: number } | undefined {
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[start + i]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 128 ** i
    if (byte < 0x80) return { value, next: start + i + 1 }
  }
  return undefined
}
