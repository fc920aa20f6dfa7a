import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { HALF_LIFE_MS } from './average.ts'
import { type Expectation, Measurements, PRIORS, promptScale } from './measurements.ts'

const MODEL = 'test/model'

function expect(
  measured: Measurements,
  provider: string,
  claimed: number | null = 50,
  model: string = MODEL,
  now = 0,
): Expectation {
  return measured.expect(provider, model, claimed, measured.usual(model, now), now)
}

describe('what may be expected', () => {
  test('of a stranger is what it says, discounted, and what is usual', () => {
    const nothing = new Measurements()
    const { firstTokenMs, tokenMs, errorRate, observations } = expect(nothing, 'a')
    assert.equal(firstTokenMs, PRIORS.firstTokenMs * PRIORS.unknown)
    assert.equal(tokenMs, (1000 / 50) * PRIORS.slowness)
    assert.equal(errorRate, PRIORS.errorRate)
    assert.equal(observations, 0)
    assert.equal(expect(nothing, 'a', null).tokenMs, PRIORS.tokenMs * PRIORS.unknown)
  })

  test('is soon what was measured, whatever the offer says', () => {
    const measured = new Measurements()
    for (let i = 0; i < 10; i++) {
      measured.firstToken('liar', MODEL, 4_000, 0)
      measured.speed('liar', MODEL, 100, 500, 0)
    }
    const { firstTokenMs, tokenMs } = expect(measured, 'liar', 500)
    assert.ok(Math.abs(firstTokenMs - 4_000) < 400)
    assert.ok(Math.abs(tokenMs - 100) < 10)
  })

  test('of another model is as much slower than the offer says as the first one was', () => {
    const measured = new Measurements()
    for (let i = 0; i < 20; i++) measured.speed('liar', MODEL, 100, 100, 0)
    const { tokenMs } = expect(measured, 'liar', 50, 'test/other')
    assert.ok(tokenMs > 180 && tokenMs <= 200, String(tokenMs))
    assert.ok(expect(measured, 'other', 50, 'test/other').tokenMs < 150)
  })

  test('of newcomers is what newcomers turned out to be, however often the best is asked', () => {
    const measured = new Measurements()
    for (let i = 0; i < 10; i++) measured.firstToken(`slow-${i}`, MODEL, 3_000, 0)
    for (let i = 0; i < 500; i++) measured.firstToken('fast', MODEL, 100, 0)
    assert.ok(expect(measured, 'stranger').firstTokenMs > 2_000)
    assert.ok(expect(measured, 'fast').firstTokenMs < 300)
  })

  test('one failure does not condemn, and many do', () => {
    const measured = new Measurements()
    measured.outcome('a', MODEL, true, 0)
    assert.ok(expect(measured, 'a').errorRate < 0.5)
    for (let i = 0; i < 20; i++) measured.outcome('a', MODEL, true, 0)
    assert.ok(expect(measured, 'a').errorRate > 0.8)
    assert.ok(expect(measured, 'a').errorRate < 1)
  })

  test('fades into what is usual', () => {
    const measured = new Measurements()
    for (let i = 0; i < 10; i++) {
      measured.firstToken('a', MODEL, 9_000, 0)
      measured.outcome('a', MODEL, true, 0)
    }
    const later = expect(measured, 'a', 50, MODEL, 40 * HALF_LIFE_MS)
    const fresh = expect(measured, 'stranger', 50, MODEL, 40 * HALF_LIFE_MS)
    assert.ok(Math.abs(later.firstTokenMs - fresh.firstTokenMs) < 1)
    assert.ok(Math.abs(later.errorRate - fresh.errorRate) < 1e-3)
  })

  test('who was refuted with one model is doubted with another, for days', () => {
    const measured = new Measurements()
    measured.compared('a', MODEL, 1, 0)
    assert.equal(expect(measured, 'a', 50, 'test/other').doubt, 0.5)
    assert.ok(expect(measured, 'a', 50, MODEL, 86_400_000).doubt > 0.4)
    for (let i = 0; i < 10; i++) measured.compared('a', MODEL, 0, 0)
    assert.ok(expect(measured, 'a').doubt < 0.1)
  })

  test('is finite and positive, whatever was measured', () => {
    const ms = fc.double({ min: 0, max: 1e7, noNaN: true })
    const event = fc.record({
      provider: fc.constantFrom('a', 'b', 'c'),
      first: ms,
      token: ms,
      claimed: fc.option(fc.nat(1_000_000)),
      failed: fc.boolean(),
      after: fc.nat(3_600_000),
    })
    fc.assert(
      fc.property(fc.array(event), fc.option(fc.nat(1_000_000)), (events, claimed) => {
        const measured = new Measurements()
        let now = 0
        for (const { provider, first, token, failed, after, claimed: said } of events) {
          now += after
          measured.firstToken(provider, MODEL, first, now)
          measured.speed(provider, MODEL, token, said, now)
          measured.outcome(provider, MODEL, failed, now)
        }
        for (const provider of ['a', 'b', 'c', 'd']) {
          const { firstTokenMs, tokenMs, errorRate } = expect(measured, provider, claimed)
          assert.ok(Number.isFinite(firstTokenMs) && firstTokenMs >= 0)
          assert.ok(Number.isFinite(tokenMs) && tokenMs >= 0)
          assert.ok(errorRate >= 0 && errorRate < 1)
        }
        // What is written and read again says the same.
        const again = new Measurements(JSON.parse(JSON.stringify(measured.takeChanged())))
        assert.deepEqual(expect(again, 'a', claimed), expect(measured, 'a', claimed))
      }),
    )
  })
})

describe('when a first token is late', () => {
  test('is said by the model at the provider, by the model, by all, and by nobody at first', () => {
    const measured = new Measurements()
    const late = (provider: string, model = MODEL) =>
      measured.firstTokenQuantile(provider, model, 0.95, 0) ?? 0
    assert.equal(measured.firstTokenQuantile('a', MODEL, 0.95, 0), undefined)
    for (let i = 0; i < 20; i++) measured.firstToken('a', MODEL, 100, 0)
    assert.ok(late('a') < 130)
    assert.ok(late('b') < 130)
    assert.ok(late('b', 'test/other') < 130)
    for (let i = 0; i < 20; i++) measured.firstToken('b', MODEL, 5_000, 0)
    assert.ok(late('a') < 130)
    assert.ok(late('b') >= 5_000)
    assert.ok(late('c') >= 5_000)
  })

  test('a long prompt takes its time', () => {
    assert.equal(promptScale(0), 1)
    assert.equal(promptScale(2_000), 2)
  })
})

test('answers are as long as they were', () => {
  const measured = new Measurements()
  assert.equal(measured.expectedLength(MODEL, 0), PRIORS.outputTokens)
  for (let i = 0; i < 20; i++) measured.length('a', MODEL, 1_000, 0)
  assert.ok(measured.expectedLength(MODEL, 0) > 900)
  assert.ok(measured.expectedLength('test/other', 0) > 900)
})
