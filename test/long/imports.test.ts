import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { startPostgres, type TestPostgres } from '@hanse/settlement/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

const ROWS = 1_000_000
const UPLOADS = 10
const MODELS = 12
/** 2026-10-01T00:00:00Z */
const FROM = 1_790_812_800_000
const HOUR_MS = 3_600_000
const HOURS = 31 * 24

let folder: string
let server: TestPostgres
const processes: Settlement[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-imports-'))
  server = await startPostgres()
  const databaseUrl = await server.createDatabase()
  for (let i = 0; i < 2; i++) {
    const dataDir = join(folder, 'keys')
    processes.push(
      await openSettlement({ dataDir, databaseUrl, network: 'test', verifyThreads: 0 }),
    )
  }
})
afterAll(async () => {
  for (const settlement of processes) await settlement[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const mapping = {
  id: 'id',
  at: 'at',
  provider: '=elsewhere',
  model: 'model',
  inputTokens: 'input',
  cost: 'cost',
  currency: '=USD',
  'tag.team': 'team',
}

function file(first: number, count: number): string {
  const lines = ['id,at,model,input,cost,team']
  for (let i = first; i < first + count; i++) {
    const at = new Date(FROM + (i % HOURS) * HOUR_MS).toISOString()
    lines.push(`r${i},${at},m${i % MODELS},${i % 1000},0.0000${(i % 90) + 10},t${i % 3}`)
  }
  return lines.join('\n')
}

test('a million rows, twice, by two processes at once, count once and are summed exactly', async () => {
  const [first] = processes
  if (first === undefined) throw new Error('no process')
  const made = await first.app.inject({
    method: 'POST',
    url: '/v1/admin/organizations',
    headers: { authorization: `Bearer ${first.operatorToken}` },
    payload: { name: 'Test' },
  })
  const headers = { authorization: `Bearer ${made.json().apiKey}` }
  const count = ROWS / UPLOADS
  const url = `/v1/imports/csv?mapping=${encodeURIComponent(JSON.stringify(mapping))}`
  const counted = await Promise.all(
    processes.map(async ({ app }, turn) => {
      let [accepted, duplicates] = [0, 0]
      for (let i = 0; i < UPLOADS; i++) {
        // One begins at the front, the other at the back.
        const part = turn === 0 ? i : UPLOADS - 1 - i
        const payload = file(part * count, count)
        const type = { 'content-type': 'text/csv' }
        const answer = await app.inject({
          method: 'POST',
          url,
          headers: { ...headers, ...type },
          payload,
        })
        expect(answer.json()).toMatchObject({ rejectedCount: 0, stopped: null })
        accepted += answer.json().accepted
        duplicates += answer.json().duplicates
      }
      return { accepted, duplicates }
    }),
  )
  expect(counted.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(ROWS)
  expect(counted.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(ROWS)

  let [tokens, cost] = [0n, 0n]
  for (let i = 0; i < ROWS; i++) {
    tokens += BigInt(i % 1000)
    cost += BigInt((i % 90) + 10)
  }
  const range = `from=${new Date(FROM).toISOString()}&to=${new Date(FROM + HOURS * HOUR_MS).toISOString()}`
  for (const group of ['source', 'tag', 'model', 'hour', 'day']) {
    const answer = await first.app.inject({
      url: `/v1/spend?${range}&group=${group}&limit=1000`,
      headers,
    })
    const rows: { requests: string; inputTokens: string; costs: { amount: string }[] }[] =
      answer.json().spend
    const total = (of: (row: (typeof rows)[number]) => bigint) =>
      rows.reduce((sum, row) => sum + of(row), 0n)
    expect(total(({ requests }) => BigInt(requests))).toBe(BigInt(ROWS))
    expect(total(({ inputTokens }) => BigInt(inputTokens))).toBe(tokens)
    expect(total(({ costs: [one] }) => micros(one?.amount ?? '0'))).toBe(cost)
  }
}, 1_200_000)

/** Millionths, exactly. */
function micros(amount: string): bigint {
  const [whole = '0', fraction = ''] = amount.split('.')
  return BigInt(whole + fraction.padEnd(6, '0'))
}
