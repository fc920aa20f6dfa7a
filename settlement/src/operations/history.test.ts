import { expect, test } from 'vitest'
import { History, ROUTES_MS, SAMPLE_MS, type Standing } from './history.ts'
import { Tally } from './tally.ts'

const BOUNDS = [0.01, 0.1, 1]
const START = 1_793_577_600_000
const standing = (sessions: Record<string, number> = {}): Standing => ({
  requestsInFlight: 1,
  ingestBytes: 2,
  ingestBatches: 3,
  sessions,
  logEntries: 4,
  busy: 0.5,
  heapBytes: 5,
  memoryBytes: 6,
})

function setUp() {
  const tally = new Tally(BOUNDS)
  return { tally, history: new History(tally, BOUNDS, START) }
}

test('a period has what happened in it, and nothing of the one before', () => {
  const { tally, history } = setUp()
  for (const status of [200, 204, 302, 404, 429, 500]) tally.answered('/v1/a', status, 0.005)
  tally.stripeCalled('failed')
  history.sample(standing({ booked: 5, HANSE_RECEIPT_AMOUNT: 1 }), START + SAMPLE_MS)
  tally.answered('/v1/b', 200, 0.05)
  history.sample(
    standing({ booked: 7, duplicate: 1, HANSE_RECEIPT_AMOUNT: 3, HANSE_RECEIPT_SIGNATURE: 1 }),
    START + 2 * SAMPLE_MS,
  )
  const [first, second] = history.samples()
  expect(first).toMatchObject({
    at: START + SAMPLE_MS,
    periodMs: SAMPLE_MS,
    requests: { done: 3, refused: 2, failed: 1 },
    sessions: { booked: 5, duplicate: 0, superseded: 0, refused: 1 },
    stripe: { done: 0, refused: 0, failed: 1 },
    logEntries: 4,
  })
  expect(second).toMatchObject({
    requests: { done: 1, refused: 0, failed: 0 },
    sessions: { booked: 2, duplicate: 1, superseded: 0, refused: 3 },
    stripe: { failed: 0 },
  })
  expect(second?.p95Ms).toBeCloseTo(95.5, 6)
  expect(history.samples(START + SAMPLE_MS)).toEqual([second])
})

test('nothing is kept for longer than it is shown, however long a process runs', () => {
  const { tally, history } = setUp()
  for (let period = 1; period <= 1_000; period++) {
    tally.answered(`/v1/${period}`, 200, 2)
    history.sample(standing(), START + period * SAMPLE_MS)
  }
  const samples = history.samples()
  expect(samples).toHaveLength(360)
  expect(samples.at(-1)?.at).toBe(START + 1_000 * SAMPLE_MS)
  const routes = history.routes().routes.map(({ route }) => Number(route.slice(4)))
  expect(Math.min(...routes)).toBeGreaterThan(1_000 - ROUTES_MS / SAMPLE_MS)
})

test('routes are summed over their periods, the busiest first', () => {
  const { tally, history } = setUp()
  for (const period of [1, 2]) {
    tally.answered('/v1/slow', 500, 0.5)
    for (let i = 0; i < 3; i++) tally.answered('/v1/busy', 200, 0.001)
    history.sample(standing(), START + period * SAMPLE_MS)
  }
  const { routes, all } = history.routes()
  expect(routes).toMatchObject([
    { route: '/v1/busy', requests: { done: 6, failed: 0 } },
    { route: '/v1/slow', requests: { done: 0, failed: 2 }, p50Ms: expect.closeTo(550, 6) },
  ])
  // Six of eight took no longer than the first bound.
  expect(all.p50Ms).toBeCloseTo((10 * 4) / 6, 6)
})
