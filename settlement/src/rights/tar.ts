/** A file of an archive. */
export interface TarFile {
  /** Of at most 100 characters, in ASCII. */
  readonly name: string
  readonly bytes: Uint8Array
}

const BLOCK = 512

/**
 * A file as an archive has it (POSIX ustar): a header, the bytes, and zeros up to the next block.
 *
 * @param at milliseconds since 1970
 * @throws {RangeError} when the name is too long
 */
export function tarEntry({ name, bytes }: TarFile, at: number): Uint8Array {
  if (name.length > 100) throw new RangeError(`${name} is too long for an archive`)
  const padding = (BLOCK - (bytes.byteLength % BLOCK)) % BLOCK
  const entry = new Uint8Array(BLOCK + bytes.byteLength + padding)
  const put = (offset: number, text: string) => entry.set(Buffer.from(text, 'ascii'), offset)
  put(0, name)
  put(100, '0000600\0')
  put(108, '0000000\0')
  put(116, '0000000\0')
  put(124, `${octal(bytes.byteLength, 11)}\0`)
  put(136, `${octal(Math.floor(at / 1000), 11)}\0`)
  put(148, ' '.repeat(8))
  put(156, '0')
  put(257, 'ustar\x0000')
  const sum = entry.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0)
  put(148, `${octal(sum, 6)}\0 `)
  entry.set(bytes, BLOCK)
  return entry
}

/** Ends an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK)

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0')
