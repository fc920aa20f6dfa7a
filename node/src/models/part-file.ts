import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open, readFile, rename, rm, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { z } from 'zod'
import { writeAtomically } from './atomic-file.ts'

const noteSchema = z.object({
  source: z.string(),
  etag: z.string().nullable(),
  sizeBytes: z.number().nullable(),
})
/** What the bytes of a part are of: a later run may go on only with the same. */
export type PartNote = z.output<typeof noteSchema>

const READ_BYTES = 1 << 20

/** Disk space is full when the file system says so; quotas count too. */
const FULL = new Set(['ENOSPC', 'EDQUOT'])

/** A file that is not whole yet: `<file>.part`, with a note beside it. Its digest is computed as it grows. */
export class PartFile implements AsyncDisposable {
  readonly path: string
  readonly #file: FileHandle
  readonly #target: string
  #hash: Hash = createHash('sha256')
  #size = 0
  #note: PartNote

  private constructor(target: string, file: FileHandle, note: PartNote) {
    this.#target = target
    this.path = partPath(target)
    this.#file = file
    this.#note = note
  }

  /** Opens what an earlier run left of the same source, and hashes it; else begins anew. */
  static async open(
    target: string,
    source: string,
    onChecked: (bytes: number) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<PartFile> {
    const left = await readNote(target)
    const path = partPath(target)
    const file =
      left === undefined
        ? await open(path, 'w+')
        : await open(path, 'r+').catch(async () => await open(path, 'w+'))
    const note = left?.source === source ? left : { source, etag: null, sizeBytes: null }
    const part = new PartFile(target, file, note)
    try {
      if (left === undefined || left.source !== source) await part.restart()
      else await part.#hashWhatIsThere(onChecked, signal)
      return part
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }

  get sizeBytes(): number {
    return this.#size
  }

  get note(): PartNote {
    return this.#note
  }

  /** Throws away what is there. */
  async restart(note: Partial<PartNote> = { etag: null, sizeBytes: null }): Promise<void> {
    await this.#file.truncate(0)
    this.#size = 0
    this.#hash = createHash('sha256')
    await this.annotate(note)
  }

  /** Written before the bytes that it is about. */
  async annotate(note: Partial<PartNote>): Promise<void> {
    this.#note = { ...this.#note, ...note }
    await diskFull(
      this.path,
      async () => await writeAtomically(notePath(this.#target), JSON.stringify(this.#note)),
    )
  }

  async append(chunk: Uint8Array): Promise<void> {
    let written = 0
    while (written < chunk.byteLength) {
      const { bytesWritten } = await diskFull(
        this.path,
        async () => await this.#file.write(chunk, written, chunk.byteLength - written, this.#size),
      )
      // Counted piece by piece: after a full disk, digest and size are still those of the file.
      this.#hash.update(chunk.subarray(written, written + bytesWritten))
      this.#size += bytesWritten
      written += bytesWritten
    }
  }

  sha256(): string {
    return this.#hash.copy().digest('hex')
  }

  /** Gives the file its name, once it is safe on the disk. */
  async finish(): Promise<void> {
    await diskFull(this.path, async () => await this.#file.sync())
    await rename(this.path, this.#target)
    await syncFolder(dirname(this.#target))
    await rm(notePath(this.#target), { force: true })
  }

  async #hashWhatIsThere(
    onChecked: (bytes: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const buffer = Buffer.alloc(READ_BYTES)
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead } = await this.#file.read(buffer, 0, READ_BYTES, this.#size)
      if (bytesRead === 0) return
      this.#hash.update(buffer.subarray(0, bytesRead))
      this.#size += bytesRead
      onChecked(this.#size)
    }
  }
}

export function partPath(target: string): string {
  return `${target}.part`
}

export function notePath(target: string): string {
  return `${target}.part.json`
}

/** The note beside a part; `undefined` when there is none that can be read. */
export async function readNote(target: string): Promise<PartNote | undefined> {
  try {
    return noteSchema.parse(JSON.parse(await readFile(notePath(target), 'utf8')))
  } catch {
    return undefined
  }
}

/** @throws {HanseError} HANSE_DISK_FULL when `bytes` more do not fit into a folder */
export async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (bytes <= free) return
  throw new HanseError(
    'HANSE_DISK_FULL',
    `${folder} has ${gigabytes(free)} free, and ${gigabytes(bytes)} are needed`,
  )
}

async function diskFull<Result>(path: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && FULL.has(String(cause.code)))) throw cause
    throw new HanseError(
      'HANSE_DISK_FULL',
      `the disk of ${dirname(path)} is full; what is there is kept, and pulling again goes on from it`,
      { cause },
    )
  }
}

/** A rename is safe once its folder is written; Windows does that itself, and opens no folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  await using handle = await open(folder, 'r')
  await handle.sync()
}

export function gigabytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}
