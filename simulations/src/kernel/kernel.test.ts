import { expect, test } from 'vitest'
import { TRUE_CLOCK, virtualSpan, wallTime } from './clock.ts'
import { Disk } from './disk.ts'
import { EventQueue } from './event-queue.ts'
import { Host } from './host.ts'
import { Kernel } from './kernel.ts'
import { Random } from './random.ts'

test('events come in the order of their time, and those of one time as they were scheduled', () => {
  const random = new Random('heap')
  const queue = new EventQueue()
  const times = Array.from({ length: 2_000 }, () => random.between(0, 100))
  const scheduled = times.map((at) => queue.push(at, () => {}))
  for (const [i, event] of scheduled.entries()) if (i % 5 === 0) event.cancelled = true
  const expected = scheduled
    .filter(({ cancelled }) => !cancelled)
    .toSorted((a, b) => a.at - b.at || a.order - b.order)
  const got = Array.from({ length: expected.length }, () => queue.pop())
  expect(got).toEqual(expected)
  expect(queue.pop()).toBeUndefined()
})

test('time stands still but for events, and stops at the horizon', () => {
  const kernel = new Kernel('time')
  const seen: number[] = []
  for (const ms of [30, 10, 20]) kernel.after(ms, () => seen.push(kernel.now))
  kernel.runUntil(25)
  expect(seen).toEqual([10, 20])
  expect(kernel.now).toBe(25)
  kernel.runUntil(40)
  expect(seen).toEqual([10, 20, 30])
})

test('a clock is off by its skew and gains by its drift', () => {
  expect(wallTime(1_000, 60_000, { skewMs: -500, driftPpm: 500_000 })).toBe(90_500)
  expect(virtualSpan(1_001, { skewMs: 0, driftPpm: 1_000 })).toBeCloseTo(1_000)
})

test('a power cut loses the newest writes that were not synced, and never one that was', () => {
  for (let seed = 0; seed < 50; seed++) {
    const disk = new Disk<number[]>(() => [])
    for (let i = 0; i < 8; i++) disk.write((list) => list.push(i), { sync: i === 3 })
    const lost = disk.powerCut(new Random(`cut ${seed}`))
    expect(disk.state).toEqual([0, 1, 2, 3, 4, 5, 6, 7].slice(0, 8 - lost))
    expect(lost).toBeLessThanOrEqual(4)
  }
})

test('a crash ends the program at its crash point, with its timers, until it is started again', () => {
  const kernel = new Kernel('crash')
  const host = new Host(kernel, { name: 'node', clock: TRUE_CLOCK, epoch: 0 })
  const log: string[] = []
  host.start(() => {
    log.push(`boot at ${kernel.now}`)
    host.after(10, () => {
      host.point()
      log.push('before')
      host.point()
      log.push('after')
    })
    host.after(50, () => log.push('later'))
  })
  host.planCrash(1, 'kill', 100)
  kernel.runUntil(300)
  expect(log).toEqual(['boot at 0', 'before', 'boot at 110', 'before', 'after', 'later'])
})

test('two runs of one seed leave one trace', () => {
  const run = (seed: string) => {
    const kernel = new Kernel(seed)
    const random = kernel.random.fork('work')
    for (let i = 0; i < 100; i++)
      kernel.after(random.exponential(10), () => kernel.log('host', `does ${i}`))
    kernel.runUntil(1_000)
    return kernel.trace.hash
  }
  expect(run('a')).toBe(run('a'))
  expect(run('a')).not.toBe(run('b'))
})
