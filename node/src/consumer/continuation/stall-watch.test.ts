import assert from 'node:assert/strict'
import { afterEach, beforeEach, test, vi } from 'vitest'
import { StallWatch } from './stall-watch.ts'

const STALL_MS = 400
let stalls = 0
let watch: StallWatch

beforeEach(() => {
  stalls = 0
  vi.useFakeTimers()
})

afterEach(() => {
  watch.stop()
  vi.useRealTimers()
})

const watching = (patience: (payloads: number) => number = () => 1): StallWatch =>
  new StallWatch(STALL_MS, { patience, onStall: () => stalls++ })

test('silence that somebody waits in is a stall, told once', () => {
  watch = watching()
  watch.wait()
  vi.advanceTimersByTime(STALL_MS)
  assert.equal(stalls, 0)
  vi.advanceTimersByTime(STALL_MS)
  assert.equal(stalls, 1)
  vi.advanceTimersByTime(10 * STALL_MS)
  assert.equal(stalls, 1)
})

test('a client that reads slowly is no stall', () => {
  watch = watching()
  watch.wait()
  watch.heard(1)
  vi.advanceTimersByTime(10 * STALL_MS)
  assert.equal(stalls, 0)
})

test('a provider that has been slow all along gets more time', () => {
  watch = watching()
  for (let i = 0; i < 5; i++) {
    watch.wait()
    vi.advanceTimersByTime(0.75 * STALL_MS)
    watch.heard(1)
  }
  watch.wait()
  vi.advanceTimersByTime(2.9 * STALL_MS)
  assert.equal(stalls, 0)
  vi.advanceTimersByTime(STALL_MS)
  assert.equal(stalls, 1)
})

test('patience is asked for by what has come', () => {
  watch = watching((payloads) => (payloads < 2 ? 4 : 1))
  watch.wait()
  vi.advanceTimersByTime(3.9 * STALL_MS)
  assert.equal(stalls, 0)
  watch.heard(2)
  watch.wait()
  vi.advanceTimersByTime(100 * STALL_MS)
  assert.equal(stalls, 1)
})
