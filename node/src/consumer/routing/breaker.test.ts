import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { BREAKER_LIMITS, Breaker } from './breaker.ts'

const { backoffMs, backoffMsMax, coolMs, coolMsMax, failuresInRow, jitter } = BREAKER_LIMITS
/** In the middle: no jitter. */
const EVEN = 0.5

function broken(now = 0): Breaker {
  const breaker = new Breaker()
  for (let i = 0; i < failuresInRow; i++) breaker.failed(now, false, EVEN)
  return breaker
}

describe('a breaker', () => {
  test('lets two failures pass, and opens at the third in a row', () => {
    const breaker = new Breaker()
    for (let i = 1; i < failuresInRow; i++) breaker.failed(0, false, EVEN)
    assert.equal(breaker.state(0), 'closed')
    breaker.succeeded(0)
    breaker.failed(0, false, EVEN)
    assert.equal(breaker.state(0), 'closed')
    assert.equal(broken().state(0), 'open')
  })

  test('opens at once for whom nobody can reach', () => {
    const breaker = new Breaker()
    breaker.failed(0, true, EVEN)
    assert.equal(breaker.state(backoffMs - 1), 'open')
    assert.equal(breaker.until(0), backoffMs)
  })

  test('opens for whoever fails every other time', () => {
    const breaker = new Breaker()
    for (let i = 0; i < 3; i++) {
      breaker.succeeded(0)
      breaker.failed(0, false, EVEN)
    }
    assert.equal(breaker.state(0), 'open')
  })

  test('lets one order through when the time has passed, and closes when its answer begins', () => {
    const breaker = broken()
    assert.equal(breaker.state(backoffMs), 'trial-due')
    breaker.asked(backoffMs)
    assert.equal(breaker.state(backoffMs), 'on-trial')
    breaker.answering()
    assert.equal(breaker.state(backoffMs), 'closed')
    // What has just come back gets no second chance.
    breaker.failed(backoffMs, false, EVEN)
    assert.equal(breaker.state(backoffMs), 'open')
    assert.equal(breaker.until(backoffMs), 3 * backoffMs)
  })

  test('waits twice as long after each trial that fails, up to a limit, and as at first after a success', () => {
    const breaker = broken()
    let now = 0
    const waits: number[] = []
    for (let i = 0; i < 10; i++) {
      const until = breaker.until(now)
      waits.push(until - now)
      now = until
      breaker.asked(now)
      breaker.failed(now, false, EVEN)
    }
    assert.deepEqual(
      waits.slice(0, 4),
      [1, 2, 4, 8].map((times) => times * backoffMs),
    )
    assert.equal(waits.at(-1), backoffMsMax)
    now = breaker.until(now)
    breaker.asked(now)
    breaker.answering()
    breaker.succeeded(now)
    breaker.failed(now, true, EVEN)
    assert.equal(breaker.until(now) - now, backoffMs)
  })

  test('a trial without a verdict leaves it to the next order', () => {
    const breaker = broken()
    breaker.asked(backoffMs)
    breaker.noVerdict()
    assert.equal(breaker.state(backoffMs), 'trial-due')
  })

  test('what was under way when it opened does not open it further', () => {
    const breaker = broken()
    for (let i = 0; i < 20; i++) breaker.failed(1, false, EVEN)
    assert.equal(breaker.until(1), backoffMs)
  })

  test('whoever is busy cools down as it says, within reason, and is as good as before', () => {
    const breaker = new Breaker()
    breaker.declined(0, undefined)
    assert.equal(breaker.state(coolMs - 1), 'cooling')
    assert.equal(breaker.state(coolMs), 'closed')
    breaker.declined(0, 3_600_000)
    assert.equal(breaker.until(0), coolMsMax)
    breaker.heard(0, 5)
    assert.equal(breaker.state(1), 'cooling')
    breaker.heard(1, 0)
    assert.equal(breaker.state(1), 'cooling')
    breaker.heard(1, 1)
    assert.equal(breaker.state(1), 'closed')
    for (let i = 0; i < 50; i++) breaker.declined(0, 0)
    assert.equal(breaker.state(0), 'closed')
  })

  type Step = 'asked' | 'answering' | 'succeeded' | 'failed' | 'dead' | 'declined' | 'none'
  const steps = fc.array(
    fc.record({
      step: fc.constantFrom<Step>(
        'asked',
        'answering',
        'succeeded',
        'failed',
        'dead',
        'declined',
        'none',
      ),
      after: fc.nat(60_000),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    }),
  )

  test('whatever happens: at most one trial at a time, no longer than the limit, and always a way out', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const breaker = new Breaker()
        let now = 0
        let trials = 0
        for (const { step, after, random } of all) {
          now += after
          if (step === 'asked') {
            // As the router does: only whom the breaker admits.
            const state = breaker.state(now)
            if (state !== 'closed' && state !== 'trial-due') continue
            if (state === 'trial-due') trials++
            breaker.asked(now)
          } else {
            trials = 0
            if (step === 'answering') breaker.answering()
            else if (step === 'succeeded') breaker.succeeded(now)
            else if (step === 'declined') breaker.declined(now, after)
            else if (step === 'none') breaker.noVerdict()
            else breaker.failed(now, step === 'dead', random)
          }
          assert.ok(trials <= 1)
          const until = breaker.until(now)
          assert.ok(until === 0 || until <= now + backoffMsMax * (1 + jitter))
          if (breaker.state(now) === 'on-trial') continue
          const then = until === 0 ? now : Math.ceil(until)
          assert.ok(['closed', 'trial-due'].includes(breaker.state(then)), breaker.state(then))
        }
      }),
    )
  })
})
