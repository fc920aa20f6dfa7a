import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Read from the end of a file in pieces of this size. */
const PIECE_BYTES = 64 * 1024
/** What one answer may gather, so that long lines cannot fill the memory. */
const BYTES_MAX = 8 * 1024 * 1024
/** Older files beside `path`; more are never kept. */
const FILES_MAX = 100

/** The last lines of a log and its older files, oldest first. Files that cannot be read are as good as empty. */
export function lastLines(path: string, count: number): string[] {
  let lines: string[] = []
  for (let age = 0; age < FILES_MAX && lines.length < count; age++) {
    const older = linesOf(age === 0 ? path : `${path}.${age}`, count - lines.length)
    if (older === undefined) break
    lines = [...older, ...lines]
  }
  return lines
}

function linesOf(path: string, count: number): string[] | undefined {
  if (count <= 0) return []
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return undefined
  }
  try {
    const pieces: Buffer[] = []
    let end = fstatSync(fd).size
    let bytes = 0
    let feeds = 0
    // One line feed more than lines: the piece may begin in the middle of one.
    while (end > 0 && feeds <= count && bytes < BYTES_MAX) {
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, end))
      const read = readSync(fd, piece, 0, piece.length, end - piece.length)
      for (const byte of piece.subarray(0, read)) if (byte === 0x0a) feeds++
      pieces.unshift(piece.subarray(0, read))
      end -= piece.length
      bytes += read
    }
    const lines = Buffer.concat(pieces).toString('utf8').split('\n')
    if (end > 0) lines.shift()
    return lines.filter((line) => line !== '').slice(-count)
  } catch {
    return []
  } finally {
    closeSync(fd)
  }
}
