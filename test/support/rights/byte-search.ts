import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** How a word, or bytes such as a key, may stand in a file: as it is, and in the forms that databases and JSON give bytes. */
export function formsOf(word: string | Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(word as Uint8Array)
  // Of base64 the middle of each of the three ways in which a word can lie in it.
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(2)]).toString('base64')
    return text.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3))
  })
  const wide = typeof word === 'string' ? [Buffer.from(word, 'utf16le')] : []
  return [bytes, Buffer.from(bytes.toString('hex')), ...wide].concat(
    base64.map((text) => Buffer.from(text)),
  )
}

/** Every file below a folder that has the word in it in any form; what is compressed is unpacked first. */
export async function filesWith(folder: string, word: string | Uint8Array): Promise<string[]> {
  const forms = formsOf(word)
  const found: string[] = []
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if (await hasOne(path, forms)) found.push(relative(folder, path))
  }
  return found.toSorted()
}

async function hasOne(path: string, forms: readonly Buffer[]): Promise<boolean> {
  if (path.endsWith('.gz')) {
    const bytes = gunzipSync(await readFile(path))
    return forms.some((form) => bytes.includes(form))
  }
  const longest = Math.max(...forms.map((form) => form.length))
  let before = Buffer.alloc(0)
  for await (const chunk of createReadStream(path)) {
    const bytes = Buffer.concat([before, chunk as Buffer])
    if (forms.some((form) => bytes.includes(form))) return true
    before = Buffer.from(bytes.subarray(Math.max(0, bytes.length - longest)))
  }
  return false
}
