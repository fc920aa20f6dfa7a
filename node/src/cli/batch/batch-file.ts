import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { HanseError } from '@hanse/protocol'
import { z } from 'zod'
import { linesOf } from './lines.ts'

/** One request of a batch, as OpenAI's Batch API writes it. */
export interface BatchRequest {
  readonly id: string
  /** Line in the file, counted from 1. */
  readonly line: number
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
}

const PATHS = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings'] as const

const bodySchema = z.looseObject({
  model: z.string().optional(),
  stream: z.literal(false, { error: 'answers of a batch are not streamed' }).optional(),
})
const requestSchema = z.object({
  custom_id: z.string().min(1).max(256),
  method: z.literal('POST', { error: 'only POST' }).optional(),
  url: z.enum(PATHS, { error: `one of ${PATHS.join(', ')}` }),
  body: bodySchema,
})

/** Faults that are told at once; who has more has another problem. */
const FAULTS_MAX = 20

/**
 * A file of requests. A line is a request of OpenAI's Batch API (`custom_id`, `url`, `body`), or just a request body, which
 * is then known by the number of its line. Only the ids are ever held in memory, whatever the size of the file.
 */
export class BatchFile implements AsyncDisposable {
  readonly #path: string
  readonly #model: string | undefined
  readonly #isCopy: boolean
  readonly ids: ReadonlySet<string>

  private constructor(path: string, model: string | undefined, copy: boolean, ids: Set<string>) {
    this.#path = path
    this.#model = model
    this.#isCopy = copy
    this.ids = ids
  }

  /**
   * Checks every line, before anything is sent.
   *
   * @param path `-` for standard input
   * @param model for bodies that name none
   * @throws {HanseError} HANSE_REQUEST_INVALID with the faults of all lines
   */
  static async open(path: string, model: string | undefined): Promise<BatchFile> {
    const isCopy = path === '-'
    const file = isCopy ? await copyOfInput() : path
    try {
      return new BatchFile(file, model, isCopy, await check(file, model))
    } catch (error) {
      if (isCopy) await removeCopy(file)
      throw error
    }
  }

  /** @throws {HanseError} HANSE_REQUEST_INVALID when the file was changed meanwhile */
  async *requests(): AsyncGenerator<BatchRequest> {
    for await (const [line, text] of numberedLines(this.#path))
      yield requestOf(text, line, this.#model)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isCopy) await removeCopy(this.#path)
  }
}

async function check(path: string, model: string | undefined): Promise<Set<string>> {
  const faults: string[] = []
  const seen = new Map<string, number>()
  for await (const [line, text] of numberedLines(path)) {
    try {
      const { id } = requestOf(text, line, model)
      const before = seen.get(id)
      if (before !== undefined)
        throw invalid(`line ${line}: custom_id ${id} is that of line ${before}`)
      seen.set(id, line)
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error))
      if (faults.length >= FAULTS_MAX) break
    }
  }
  if (faults.length > 0) throw invalid(faults.join('; '))
  return new Set(seen.keys())
}

/** Lines that are not empty, with their numbers. */
async function* numberedLines(path: string): AsyncGenerator<[number, string]> {
  let line = 0
  try {
    for await (const { text } of linesOf(path)) {
      line++
      if (text.trim() !== '') yield [line, text]
    }
  } catch (cause) {
    if (cause instanceof HanseError) throw cause
    const why = cause instanceof Error ? cause.message : ''
    throw new HanseError('HANSE_REQUEST_INVALID', `cannot read ${path}: ${why}`, { cause })
  }
}

function requestOf(text: string, line: number, model: string | undefined): BatchRequest {
  const json = jsonOf(text)
  // Without the parser's words, which quote the prompt.
  if (json === undefined) throw invalid(`line ${line}: not JSON`)
  const parsed = requestSchema.safeParse(
    isBare(json) ? { custom_id: String(line), url: pathOf(json), body: json } : json,
  )
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw invalid(`line ${line}: ${issue?.path.join('.') || 'the line'}: ${issue?.message}`)
  }
  const { custom_id, url, body } = parsed.data
  const named = body.model ?? model
  if (named === undefined) throw invalid(`line ${line}: body.model: missing; or say --model`)
  return { id: custom_id, line, path: url, body: { ...body, model: named } }
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function pathOf(body: object): string {
  if (Object.hasOwn(body, 'messages')) return '/v1/chat/completions'
  return Object.hasOwn(body, 'input') ? '/v1/embeddings' : '/v1/completions'
}

function isBare(json: unknown): json is object {
  return typeof json === 'object' && json !== null && !Object.hasOwn(json, 'custom_id')
}

/** Requests are read twice, and standard input can be read once. */
async function copyOfInput(): Promise<string> {
  // For its owner alone, as the folder is: it holds prompts.
  const path = join(await mkdtemp(join(tmpdir(), 'hanse-run-')), 'requests.jsonl')
  await pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }))
  return path
}

async function removeCopy(path: string): Promise<void> {
  await rm(join(path, '..'), { recursive: true, force: true })
}

function invalid(message: string): HanseError {
  return new HanseError('HANSE_REQUEST_INVALID', message)
}
