import { gunzipSync } from 'node:zlib'

/** What an export says of itself and has in it. */
export interface ExportIndex {
  readonly subject: { readonly kind: string; readonly id: string }
  readonly auditTrail: number
  readonly erasure: { readonly tables: readonly { table: string; outcome: string }[] } | null
  readonly tables: readonly {
    readonly table: string
    readonly onErasure: string
    readonly because?: string
    readonly notExported?: string
    readonly records?: number
    readonly files?: readonly string[]
  }[]
}

/** The files of a `.tar.gz`, as JSON, by name. Written here anew, so that it checks what wrote it. */
export function readArchive(bytes: Uint8Array): ReadonlyMap<string, unknown> {
  const tar = gunzipSync(bytes)
  const files = new Map<string, unknown>()
  for (let at = 0; tar[at] !== 0; ) {
    const text = (from: number, length: number) =>
      tar
        .subarray(at + from, at + from + length)
        .toString('ascii')
        .replace(/\0.*$/su, '')
    const size = Number.parseInt(text(124, 12), 8)
    const header = Buffer.from(tar.subarray(at, at + 512))
    const sum = Number.parseInt(text(148, 8), 8)
    header.fill(' ', 148, 156)
    if (header.reduce((total, byte) => total + byte, 0) !== sum) throw new Error('a wrong checksum')
    files.set(text(0, 100), JSON.parse(tar.subarray(at + 512, at + 512 + size).toString('utf8')))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
