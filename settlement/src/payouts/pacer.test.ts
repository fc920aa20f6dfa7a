import { expect, test } from 'vitest'
import { createPacer } from './pacer.ts'

const PACE = { perSecond: 20, burst: 5 }

/** A clock that moves only when somebody sleeps. */
function virtualClock() {
  let time = 0
  return {
    now: () => time,
    sleep: async (ms: number) => {
      time += ms
    },
    pass: (ms: number) => {
      time += ms
    },
  }
}

test('a thousand turns take fifty seconds at 20 a second', async () => {
  const clock = virtualClock()
  const pacer = createPacer(PACE, clock)
  for (let i = 0; i < 1000; i++) await pacer.turn()
  expect(clock.now()).toBeCloseTo(49_750, 3)
})

test('in no second are there more than 25 turns, however long nobody asked', async () => {
  const clock = virtualClock()
  const pacer = createPacer(PACE, clock)
  await pacer.turn()
  clock.pass(1_000_000)
  const turns: number[] = []
  for (let i = 0; i < 200; i++) {
    await pacer.turn()
    turns.push(clock.now())
  }
  for (const from of turns) {
    expect(turns.filter((at) => at >= from && at < from + 1000).length).toBeLessThanOrEqual(25)
  }
})

test('who waits for a turn can be called off', async () => {
  const pacer = createPacer({ perSecond: 0.001, burst: 1 })
  await pacer.turn()
  const stop = new AbortController()
  const waiting = pacer.turn(stop.signal)
  stop.abort()
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
})
