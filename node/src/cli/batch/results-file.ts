import { createWriteStream } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { HanseError } from '@hanse/protocol'
import { z } from 'zod'
import { jsonOf } from './batch-file.ts'
import { linesOf } from './lines.ts'

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
  id: z.string().default(''),
  custom_id: z.string(),
  response: z.object({ status_code: z.number(), body: z.unknown() }).nullish(),
})
type ReadResult = z.output<typeof resultSchema>

export interface ResultsOptions {
  /** Empties the file first. */
  readonly fresh: boolean
  /** Told of every answer that is there, once. */
  readonly onAnswer?: (id: string, body: unknown) => void
}

/**
 * The results of a batch, a line for each answer in the order in which they came. A line is on the disk before its request
 * counts as done, so that a batch that was killed goes on where it stopped.
 */
export class ResultsFile implements AsyncDisposable {
  readonly #file: FileHandle
  /** The same for each run that goes on with this file, and for no other one. */
  readonly batch: string
  /** Requests that were answered before. */
  readonly done: ReadonlySet<string>
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: FileHandle, batch: string, done: ReadonlySet<string>) {
    this.#file = file
    this.batch = batch
    this.done = done
  }

  /** @throws {HanseError} HANSE_REQUEST_INVALID when the file is another one */
  static async open(path: string, { fresh, onAnswer }: ResultsOptions): Promise<ResultsFile> {
    const before = fresh ? NOTHING : await look(path, onAnswer)
    if (before.isUntidy) await tidy(path)
    // The answers may quote what was asked, so they are for their owner alone.
    const file = await open(path, fresh ? 'w' : 'a', 0o600)
    return new ResultsFile(file, before.batch ?? (await nameOf(file)), before.done)
  }

  /** Resolves when the line is on the disk. */
  async add(line: number, result: Omit<BatchResult, 'id'>): Promise<void> {
    const text = `${JSON.stringify({ id: `batch_req_${this.batch}_${line}`, ...result })}\n`
    const written = this.#writing.then(async () => {
      await this.#file.appendFile(text)
      await this.#file.datasync()
    })
    // Behind a line that could not be written to its end, no other one may follow.
    this.#writing = written
    await written
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever added a line was told.
    await this.#writing.catch(() => {})
    await this.#file.close()
  }
}

/** When the batch began, ms since 1970, by its name. */
export function beginningOf(batch: string): number {
  return Number.parseInt(batch, 36)
}

/** An empty file was last touched when the batch began: so one that was killed before its first answer has its name, too. */
async function nameOf(file: FileHandle): Promise<string> {
  const { mtimeMs, ino } = await file.stat()
  return `${Math.floor(mtimeMs).toString(36)}-${ino.toString(36)}`
}

interface Before {
  readonly batch: string | undefined
  readonly done: ReadonlySet<string>
  /** There are lines that are to be written anew. */
  readonly isUntidy: boolean
}

const NOTHING: Before = { batch: undefined, done: new Set(), isUntidy: false }

async function look(path: string, onAnswer: ResultsOptions['onAnswer']): Promise<Before> {
  const done = new Set<string>()
  let batch: string | undefined
  let isUntidy = false
  for await (const result of resultsOf(path)) {
    if (result === 'cut') {
      isUntidy = true
      continue
    }
    batch ??= /^batch_req_([0-9a-z]+-[0-9a-z]+)_\d+$/u.exec(result.id)?.[1]
    const { custom_id, response } = result
    if (response?.status_code !== 200 || done.has(custom_id)) isUntidy = true
    else {
      done.add(custom_id)
      onAnswer?.(custom_id, response.body)
    }
  }
  return { batch, done, isUntidy }
}

/** Leaves the answers alone, so that in the end there is one line for each request: what failed is asked again. */
async function tidy(path: string): Promise<void> {
  const kept = `${path}.tmp`
  const seen = new Set<string>()
  try {
    await pipeline(
      async function* () {
        for await (const { text, ended } of linesOf(path)) {
          const { data } = resultSchema.safeParse(jsonOf(text))
          if (!ended || data?.response?.status_code !== 200 || seen.has(data.custom_id)) continue
          seen.add(data.custom_id)
          yield `${text}\n`
        }
      },
      createWriteStream(kept, { mode: 0o600, flush: true }),
    )
    await rename(kept, path)
  } catch (error) {
    await rm(kept, { force: true })
    throw error
  }
}

/** `cut` for a line that a crash has cut; nothing where there is no file. */
async function* resultsOf(path: string): AsyncGenerator<ReadResult | 'cut'> {
  try {
    for await (const { text, ended } of linesOf(path)) {
      const { data } = resultSchema.safeParse(jsonOf(text))
      if (data !== undefined && ended) yield data
      else if (!ended) yield 'cut'
      else
        throw new HanseError(
          'HANSE_REQUEST_INVALID',
          `${path} holds no results: name another --output, or overwrite it with --fresh`,
        )
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
