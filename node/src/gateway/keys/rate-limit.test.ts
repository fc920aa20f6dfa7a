import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { durationText, RateLimit } from './rate-limit.ts'
import { WrongKeys } from './wrong-keys.ts'

const NOW = 1_800_000_000_000
const open = { requestsPerMinute: null, tokensPerMinute: null, parallel: null }

describe('rates of a key', () => {
  test('refuse what is too much, say for how long, and take nothing for it', () => {
    const rate = new RateLimit({ ...open, requestsPerMinute: 2 }, NOW)
    assert.equal(rate.enter(0, NOW), undefined)
    assert.equal(rate.enter(0, NOW), undefined)
    assert.deepEqual(rate.enter(0, NOW), {
      what: '2 requests a minute',
      retryAfterMs: 30_000,
    })
    assert.deepEqual(rate.headers(NOW), {
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '1m0s',
    })
    assert.equal(rate.enter(0, NOW + 30_000), undefined)
  })

  test('correct what was guessed of tokens, also below zero', () => {
    const rate = new RateLimit({ ...open, tokensPerMinute: 600 }, NOW)
    assert.equal(rate.enter(100, NOW), undefined)
    rate.leave(100, 900, NOW)
    assert.equal(rate.headers(NOW)['x-ratelimit-remaining-tokens'], '0')
    assert.equal(rate.enter(1, NOW)?.retryAfterMs, 30_100)
    assert.equal(rate.enter(1, NOW + 30_100), undefined)
  })

  test('let a request in that asks for more than a minute holds, once the minute is full', () => {
    const rate = new RateLimit({ ...open, tokensPerMinute: 60 }, NOW)
    assert.equal(rate.enter(1_000, NOW), undefined)
    rate.leave(1_000, 1_000, NOW)
    assert.equal(typeof rate.enter(1_000, NOW)?.retryAfterMs, 'number')
  })

  test('keep to a number of requests at once, through a change too', () => {
    const rate = new RateLimit({ ...open, parallel: 2 }, NOW)
    assert.equal(rate.enter(0, NOW), undefined)
    assert.equal(rate.enter(0, NOW), undefined)
    rate.change({ ...open, parallel: 1 }, NOW)
    rate.leave(0, 0, NOW)
    assert.match(rate.enter(0, NOW)?.what ?? '', /^1 requests at once/u)
    rate.leave(0, 0, NOW)
    assert.equal(rate.enter(0, NOW), undefined)
  })

  test('never let in more than twice the number within a minute, nor stop what keeps to it', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), steps, (perMinute, waits) => {
        const rate = new RateLimit({ ...open, requestsPerMinute: perMinute }, NOW)
        const passed: number[] = []
        let now = NOW
        for (const wait of waits) {
          now += wait
          const refusal = rate.enter(0, now)
          if (refusal === undefined) passed.push(now)
          else assert.ok(refusal.retryAfterMs <= 60_000 / perMinute + 1)
          const lately = passed.filter((at) => at > now - 60_000)
          assert.ok(lately.length <= 2 * perMinute)
        }
      }),
    )
  })
})

describe('wrong keys', () => {
  test('are waited for after many from one address, and from its neighbours in IPv6', () => {
    const wrong = new WrongKeys()
    for (let i = 0; i < 30; i++) {
      assert.equal(wrong.wait('2001:db8::1', NOW), 0)
      wrong.count('2001:db8::1', NOW)
    }
    assert.equal(wrong.wait('2001:db8:0:0:5::9', NOW), 2_000)
    assert.equal(wrong.wait('2001:db8:0:1::1', NOW), 0)
    assert.equal(wrong.wait('::ffff:192.0.2.1', NOW), 0)
    assert.equal(wrong.wait('2001:db8::1', NOW + 2_000), 0)
  })
})

test.each([
  [0, '0ms'],
  [20, '20ms'],
  [1_000, '1s'],
  [59_001, '1m0s'],
  [360_000, '6m0s'],
])('%d ms is %s', (ms, text) => assert.equal(durationText(ms), text))
