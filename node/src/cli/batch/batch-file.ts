import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { HanseError } from '@hanse/protocol'
import { z } from 'zod'

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
 * Reads a batch: a line is a request of OpenAI's Batch API (`custom_id`, `url`, `body`), or just a request body, which is
 * then known by the number of its line. Every line is checked before anything is sent.
 *
 * @param model for bodies that name none
 * @throws {HanseError} HANSE_REQUEST_INVALID with the faults of all lines
 */
export async function readBatch(
  path: string,
  model: string | undefined,
): Promise<readonly BatchRequest[]> {
  const requests: BatchRequest[] = []
  const faults: string[] = []
  const seen = new Map<string, number>()
  let line = 0
  for await (const text of linesOf(path)) {
    line++
    if (text.trim() === '') continue
    try {
      const request = requestOf(text, line, model)
      const before = seen.get(request.id)
      if (before !== undefined) throw new Error(`custom_id ${request.id} is that of line ${before}`)
      seen.set(request.id, line)
      requests.push(request)
    } catch (error) {
      faults.push(`line ${line}: ${error instanceof Error ? error.message : String(error)}`)
      if (faults.length >= FAULTS_MAX) break
    }
  }
  if (faults.length > 0) throw new HanseError('HANSE_REQUEST_INVALID', faults.join('; '))
  return requests
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const input = path === '-' ? process.stdin : createReadStream(path)
  try {
    // Opened first: readline would lose the fault.
    if (path !== '-')
      await new Promise((resolve, reject) => input.once('open', resolve).once('error', reject))
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : ''
    throw new HanseError('HANSE_REQUEST_INVALID', `cannot read ${path}: ${why}`, { cause })
  }
}

function requestOf(text: string, line: number, model: string | undefined): BatchRequest {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    // Without the parser's words, which quote the prompt.
    throw new Error('not JSON')
  }
  const parsed = requestSchema.safeParse(
    isBare(json) ? { custom_id: String(line), url: pathOf(json), body: json } : json,
  )
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new Error(`${issue?.path.join('.') || 'the line'}: ${issue?.message}`)
  }
  const { custom_id, url, body } = parsed.data
  const named = body.model ?? model
  if (named === undefined) throw new Error('body.model: missing; or say --model')
  return { id: custom_id, line, path: url, body: { ...body, model: named } }
}

function pathOf(body: object): string {
  if (Object.hasOwn(body, 'messages')) return '/v1/chat/completions'
  return Object.hasOwn(body, 'input') ? '/v1/embeddings' : '/v1/completions'
}

function isBare(json: unknown): json is object {
  return typeof json === 'object' && json !== null && !Object.hasOwn(json, 'custom_id')
}
