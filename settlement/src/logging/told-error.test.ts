import { HanseError } from '@hanse/protocol'
import Fastify from 'fastify'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { installProblems } from '../api/problem.ts'
import { openStore, type SettlementStore, type StoreOptions } from '../db/store.ts'
import { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
import { SettlementError } from '../errors.ts'
import { openLogger } from './open-logger.ts'
import { toldError } from './told-error.ts'

const MARKER = 'Erika-Mustermann'
vi.setConfig({ testTimeout: 120_000 })

let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres()
}, 120_000)
afterAll(() => server[Symbol.asyncDispose]())

function opened() {
  const lines: string[] = []
  const log = openLogger('info', { write: (line) => void lines.push(line) })
  return { log, lines }
}

/** A hash of another length: the database quotes the row, and Drizzle every parameter. */
async function failure(store: SettlementStore): Promise<unknown> {
  const key = { prefix: MARKER, hash: Buffer.from(MARKER) }
  const given = { id: `org_${MARKER}`, name: MARKER, key, consumers: [], at: 0 }
  return store.createOrganization(given).catch((error: unknown) => error)
}

test.each<[string, () => Promise<StoreOptions>]>([
  ['PGlite', async () => ({})],
  ['PostgreSQL', async () => ({ databaseUrl: await server.createDatabase() })],
])('a statement that fails on %s leaves no parameter in the log', async (_name, options) => {
  await using store = await openStore(await options())
  const error = await failure(store)
  const { log, lines } = opened()
  log.error({ err: error }, 'a fact')
  log.error({ err: error })
  log.error(error)
  const app = Fastify({ loggerInstance: log })
  installProblems(app)
  app.get('/', () => {
    throw error
  })
  await app.inject('/')
  await app.close()
  const faults = lines.map((line) => JSON.parse(line)).filter(({ err }) => err !== undefined)
  expect(faults).toHaveLength(4)
  for (const { err } of faults) {
    expect(err).toMatchObject({ sqlstate: '23514', constraint: 'api_key_hash_check' })
    expect(err.stack).toMatch(/^ {4}at /u)
  }
  expect(lines.join('')).not.toContain(MARKER)
  expect(JSON.stringify(toldError(error))).not.toContain('insert into')
})

test('a message of ours is told, and of its cause only what is not data', () => {
  const cause = new TypeError(`cannot read ${MARKER}`)
  expect(toldError(new SettlementError('HANSE_INTERNAL', 'it failed', { cause }))).toMatchObject({
    type: 'SettlementError',
    code: 'HANSE_INTERNAL',
    message: 'it failed',
    because: 'TypeError',
  })
  expect(toldError(new HanseError('HANSE_INTERNAL', 'it failed')).message).toBe('it failed')
  expect(JSON.stringify(toldError(cause))).not.toContain(MARKER)
})

test('lines of a message that look like frames are not taken for the stack', () => {
  const error = new Error(`a\n    at ${MARKER} (/x.ts:1:1)`)
  expect(toldError(error).stack).toMatch(/^ {4}at /u)
  expect(toldError(error).stack).not.toContain(MARKER)
  error.message = 'another'
  expect(toldError(error).stack ?? '').not.toContain(MARKER)
})
