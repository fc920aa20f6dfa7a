import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { z } from 'zod'

const saved = z.strictObject({ paused: z.boolean(), at: z.int().min(0) })

/** The owner's pause, in a file: it holds over a restart. */
export class OwnerSwitch {
  readonly #path: string
  readonly #now: () => number
  #paused: boolean
  /** Writes happen one after another, so that the last word stays. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, now: () => number, paused: boolean) {
    this.#path = path
    this.#now = now
    this.#paused = paused
  }

  static async open(path: string, now: () => number): Promise<OwnerSwitch> {
    return new OwnerSwitch(path, now, await readPaused(path))
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Holds at once; resolves when it is on disk. @throws {Error} when it cannot be written */
  async set(paused: boolean): Promise<void> {
    this.#paused = paused
    const write = this.#writing.then(async () => await this.#write())
    this.#writing = write.catch(() => {})
    await write
  }

  /** A file beside it takes its place when it is whole: a crash leaves the old one or the new one. */
  async #write(): Promise<void> {
    const draft = `${this.#path}.${randomUUID()}`
    try {
      await using file = await open(draft, 'wx', 0o600)
      await file.writeFile(`${JSON.stringify({ paused: this.#paused, at: this.#now() })}\n`)
      await file.sync()
      await rename(draft, this.#path)
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }
}

/** A file that cannot be read may have said “paused”: an owner who resumes loses less than one who is not asked. */
async function readPaused(path: string): Promise<boolean> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
  try {
    return saved.parse(JSON.parse(text)).paused
  } catch {
    return true
  }
}
