import { existsSync } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { HanseError } from '@hanse/protocol'
import { z } from 'zod'

/** One line of results, as OpenAI's Batch API writes it. */
export interface BatchResult {
  readonly id: string
  readonly custom_id: string
  readonly response: {
    readonly status_code: number
    readonly request_id: string
    readonly body: unknown
  } | null
  readonly error: { readonly code: string; readonly message: string } | null
}

const resultSchema = z.object({
  custom_id: z.string(),
  response: z.object({ status_code: z.number(), body: z.unknown() }).nullish(),
})

/**
 * The results of a batch, a line each in the order in which they came. A line is on the disk before the request counts as
 * done, so that a batch that was interrupted goes on where it stopped.
 */
export class ResultsFile implements AsyncDisposable {
  readonly #file: FileHandle
  /** Requests that were answered before, with the bodies of their answers. */
  readonly done: ReadonlyMap<string, unknown>
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: FileHandle, done: ReadonlyMap<string, unknown>) {
    this.#file = file
    this.done = done
  }

  /** @throws {HanseError} HANSE_REQUEST_INVALID when the file is another one */
  static async open(path: string, { fresh }: { readonly fresh: boolean }): Promise<ResultsFile> {
    const { done, length } = fresh || !existsSync(path) ? NOTHING : await readResults(path)
    // The answers may quote what was asked, so they are for their owner alone.
    const file = await open(path, fresh ? 'w' : 'a', 0o600)
    // A line that was cut by a crash is written anew.
    await file.truncate(length)
    return new ResultsFile(file, done)
  }

  /** Resolves when the line is on the disk. */
  async add(result: BatchResult): Promise<void> {
    const line = `${JSON.stringify(result)}\n`
    const written = this.#writing.then(async () => {
      await this.#file.appendFile(line)
      await this.#file.datasync()
    })
    this.#writing = written.catch(() => {})
    await written
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing
    await this.#file.close()
  }
}

const NOTHING = { done: new Map<string, unknown>(), length: 0 }

async function readResults(path: string): Promise<{ done: Map<string, unknown>; length: number }> {
  const bytes = await readFile(path)
  const length = bytes.lastIndexOf(0x0a) + 1
  const done = new Map<string, unknown>()
  for (const text of bytes.subarray(0, length).toString('utf8').split('\n')) {
    if (text === '') continue
    const parsed = resultSchema.safeParse(jsonOf(text))
    if (!parsed.success)
      throw new HanseError(
        'HANSE_REQUEST_INVALID',
        `${path} holds no results: name another --output, or overwrite it with --fresh`,
      )
    const { custom_id, response } = parsed.data
    if (response?.status_code === 200) done.set(custom_id, response.body)
  }
  return { done, length }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
