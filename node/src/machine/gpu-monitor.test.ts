import assert from 'node:assert/strict'
import { test, vi } from 'vitest'
import { GpuMonitor, type Timers } from './gpu-monitor.ts'
import { readGpus } from './inspect.ts'
import type { GpuReading } from './machine.ts'
import { silent } from './sighting.ts'
import { FakeMachine } from './testing/fake-machine.ts'
import * as outputs from './testing/fixtures.ts'

/** Time that stands until it is moved. */
class HandTimers implements Timers {
  time = 0
  readonly #waiting: { at: number; run: () => void }[] = []

  now(): number {
    return this.time
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.time + ms, run }
    this.#waiting.push(entry)
    return () => this.#waiting.splice(this.#waiting.indexOf(entry) >>> 0, 1)
  }

  get waiting(): number {
    return this.#waiting.length
  }

  async move(ms: number): Promise<void> {
    this.time += ms
    for (const entry of this.#waiting.filter(({ at }) => at <= this.time)) {
      this.#waiting.splice(this.#waiting.indexOf(entry), 1)
      entry.run()
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const reading = (busy: number): GpuReading => ({ ...silent('nvidia:0'), utilization: busy })

test('reads only while somebody listens, again and again', async () => {
  const timers = new HandTimers()
  let reads = 0
  const monitor = new GpuMonitor(async () => [reading(++reads / 10)], { everyMs: 5_000, timers })
  await timers.move(60_000)
  assert.equal(reads, 0)
  assert.equal(monitor.latest, undefined)
  const heard: number[] = []
  const stop = monitor.listen(({ readings }) => heard.push(readings[0]?.utilization ?? -1))
  const stopToo = monitor.listen(() => undefined)
  await timers.move(0)
  await timers.move(5_000)
  await timers.move(4_999)
  assert.deepEqual(heard, [0.1, 0.2])
  stop()
  await timers.move(1)
  assert.equal(reads, 3)
  stopToo()
  assert.equal(timers.waiting, 0)
  await timers.move(60_000)
  assert.equal(reads, 3)
  assert.deepEqual(monitor.latest, { at: 70_000, readings: [reading(0.3)] })
})

test('has one reading under way at a time, which all who ask share', async () => {
  const timers = new HandTimers()
  let reads = 0
  let answer = (): void => undefined
  const monitor = new GpuMonitor(
    async () =>
      await new Promise((resolve) => {
        reads++
        answer = () => resolve([reading(0.5)])
      }),
    { everyMs: 1_000, timers },
  )
  const stop = monitor.listen(() => undefined)
  const asked = [monitor.sample(), monitor.sample()]
  await timers.move(10_000)
  assert.equal(reads, 1)
  answer()
  assert.deepEqual((await asked[0])?.readings, (await asked[1])?.readings)
  await timers.move(1_000)
  assert.equal(reads, 2)
  stop()
})

test('keeps the last reading, with its time, when a later one fails', async () => {
  const timers = new HandTimers()
  let works = true
  const monitor = new GpuMonitor(
    async () => {
      if (!works) throw new Error('no card')
      return [reading(0.5)]
    },
    { everyMs: 1_000, timers },
  )
  const stop = monitor.listen(() => undefined)
  await timers.move(0)
  works = false
  await timers.move(1_000)
  await timers.move(1_000)
  assert.deepEqual(monitor.latest, { at: 0, readings: [reading(0.5)] })
  works = true
  await timers.move(1_000)
  assert.equal(monitor.latest?.at, 3_000)
  stop()
})

test('a tool that hangs holds up one reading, not those after it', async () => {
  using fake = new FakeMachine()
  fake.script('nvidia-smi', 'sleep 600')
  const access = fake.access('linux', { timeoutMs: 2_000 })
  const timers = new HandTimers()
  using monitor = new GpuMonitor(async () => await readGpus(access), { everyMs: 1_000, timers })
  assert.deepEqual((await monitor.sample()).readings, [])
  fake.prints('nvidia-smi', { '--query-gpu': outputs.NVIDIA_TWO, '': '' })
  // What was killed may take a moment to be gone.
  await vi.waitFor(async () => assert.equal((await monitor.sample()).readings.length, 2), 15_000)
})
