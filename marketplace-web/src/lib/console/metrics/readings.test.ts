import { expect, test } from 'vitest'
import {
  alone,
  growthLine,
  type Metrics,
  merged,
  perMinute,
  rateLine,
  type Sample,
} from './readings.ts'

const start = 1_793_577_600_000
const sample = (number: number, done: number, logEntries: number | null = number): Sample => ({
  at: start + number * 10_000,
  periodMs: 10_000,
  requests: { done, refused: 0, failed: 0 },
  p50Ms: null,
  p95Ms: null,
  requestsInFlight: 0,
  sessions: { booked: 0, duplicate: 0, superseded: 0, refused: 0 },
  ingestBytes: 0,
  ingestBatches: 0,
  logEntries,
  stripe: { done: 0, refused: 0, failed: 0 },
  busy: 0,
  heapBytes: 0,
  memoryBytes: 0,
})
const answer = (samples: readonly Sample[], startedAt = start): Metrics => ({
  at: start,
  startedAt,
  sampleMs: 10_000,
  routesMs: 900_000,
  requestsInFlight: 0,
  samples: [...samples],
  p50Ms: null,
  p95Ms: null,
  routes: [],
  queues: [],
  stripe: [],
})

test('samples of one process follow each other, each once, and no more than an hour of them', () => {
  const first = merged(undefined, answer([sample(1, 1), sample(2, 2)]))
  const second = merged(first, answer([sample(2, 2), sample(3, 3)]))
  expect(second.samples.map(({ requests }) => requests.done)).toEqual([1, 2, 3])
  const many = Array.from({ length: 500 }, (_, index) => sample(index + 4, 0))
  const long = merged(second, answer(many))
  expect(long.samples).toHaveLength(360)
  expect(long.samples.at(-1)?.at).toBe(sample(503, 0).at)
})

test('another process begins a history of its own', () => {
  const first = answer([sample(1, 1)])
  expect(merged(first, answer([sample(9, 9)], start + 1)).samples).toHaveLength(1)
})

test('a rate is of the last minute alone, and of less where there is no more', () => {
  const samples = [sample(1, 1_000), ...[2, 3, 4, 5, 6, 7].map((number) => sample(number, 5))]
  expect(perMinute(samples, ({ requests }) => requests.done)).toBe(30)
  expect(perMinute([sample(1, 5)], ({ requests }) => requests.done)).toBe(30)
  expect(perMinute([], () => 1)).toBeUndefined()
  const long = { ...sample(2, 10), periodMs: 20_000 }
  expect(rateLine([long], ({ requests }) => requests.done)[0]?.value).toBe(30)
})

test('what the log grew by is not known beside a gap', () => {
  const samples = [sample(1, 0, 5), sample(2, 0, 9), sample(3, 0, null), sample(4, 0, 12)]
  expect(growthLine(samples).map(({ value }) => value)).toEqual([null, 4, null, null])
})

test('a value between gaps is alone, and one with a neighbour is not', () => {
  const point = (value: number | null, index: number) => ({ at: new Date(index), value })
  const points = [1, null, 0, null, 4, 5].map(point)
  expect(alone(points).map(({ value }) => value)).toEqual([1, 0])
})
