import type { z } from 'zod'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'

/**
 * JSON bodies of these routes as the bytes that came: what was signed is those.
 *
 * @param bytesMax of a body
 */
export function takeRawJson(app: App, bytesMax: number): void {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: bytesMax },
    (_request, body, done) => done(null, body),
  )
}

/**
 * A body of JSON as a schema has it: bytes that a node has signed, or what was parsed already.
 *
 * @throws {SettlementError} HANSE_REQUEST_INVALID
 */
export function givenJson<Schema extends z.ZodType>(
  body: unknown,
  schema: Schema,
): z.output<Schema> {
  const given = schema.safeParse(Buffer.isBuffer(body) ? jsonOf(body) : body)
  if (given.success) return given.data
  const [issue] = given.error.issues
  const where = issue?.path.join('.') ?? ''
  throw new SettlementError('HANSE_REQUEST_INVALID', `${where} ${issue?.message ?? ''}`)
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (cause) {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'not JSON', { cause })
  }
}
