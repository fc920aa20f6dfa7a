import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { AnswerSpeed } from './answer-speed.ts'
import { BusyTime } from './busy-time.ts'
import { ByteBudget } from './byte-budget.ts'
import { FairShare } from './fair-share.ts'

const answer = (inputTokens: number, firstTokenMs: number, outputTokens = 100) => ({
  inputTokens,
  firstTokenMs,
  decodedTokens: outputTokens,
  decodeMs: outputTokens * 20,
  outputTokens,
  whole: true,
})

describe('the speed of a model', () => {
  test('is unknown before its first answer', () => {
    const speed = new AnswerSpeed()
    assert.equal(speed.serviceMs(100, 100), undefined)
    assert.equal(speed.tokensPerSecond, undefined)
    assert.equal(speed.expectedOutputTokens(77), 77)
  })

  test('tells the overhead of a prompt from its length', () => {
    const speed = new AnswerSpeed()
    for (const tokens of [10, 500, 2_000, 40, 900]) speed.add(answer(tokens, 50 + tokens / 2))
    assert.ok(Math.abs((speed.firstTokenMs(8_000) ?? 0) - 4_050) < 1)
    assert.ok(Math.abs((speed.inputTokensPerSecond ?? 0) - 2_000) < 1)
    assert.ok(Math.abs((speed.serviceMs(100, 100) ?? 0) - (100 + 2_000)) < 1)
  })

  test('does not take a long prompt for slow because short ones had overhead', () => {
    const speed = new AnswerSpeed()
    for (const tokens of [20, 21, 19, 20]) speed.add(answer(tokens, 150))
    assert.ok(Math.abs((speed.firstTokenMs(30_000) ?? 0) - 150) < 1)
  })

  test('follows a change within some answers', () => {
    const speed = new AnswerSpeed()
    for (let i = 0; i < 50; i++) speed.add(answer(10, 100))
    for (let i = 0; i < 30; i++) speed.add({ ...answer(10, 100), decodeMs: 10_000 })
    assert.ok((speed.tokensPerSecond ?? 0) < 12)
  })

  test('is finite and not negative, whatever was measured', () => {
    const samples = fc.array(
      fc.record({
        inputTokens: fc.nat(200_000),
        firstTokenMs: fc.option(fc.nat(100_000), { nil: undefined }),
        decodedTokens: fc.nat(50_000),
        decodeMs: fc.nat(1_000_000),
        outputTokens: fc.nat(50_000),
        whole: fc.boolean(),
      }),
    )
    fc.assert(
      fc.property(samples, fc.nat(200_000), fc.nat(50_000), (all, input, max) => {
        const speed = new AnswerSpeed()
        for (const sample of all) speed.add(sample)
        const service = speed.serviceMs(input, max) ?? 0
        assert.ok(Number.isFinite(service) && service >= 0)
        assert.ok(speed.expectedOutputTokens(max) <= max)
        const rest = speed.remainingMs({
          inputTokens: input,
          maxOutputTokens: max,
          outputTokens: Math.floor(max / 3),
          elapsedMs: 1_000,
        })
        assert.ok(rest === undefined || (Number.isFinite(rest) && rest >= 0))
      }),
    )
  })
})

test('the yield of a second counts the time in which answers run, not the idle time', () => {
  const busy = new BusyTime()
  busy.turn(true, 0)
  for (let at = 100; at <= 10_000; at += 100) busy.add(10, at)
  busy.turn(false, 10_000)
  busy.turn(true, 500_000)
  for (let at = 500_100; at <= 510_000; at += 100) busy.add(10, at)
  const speed = busy.tokensPerSecond ?? 0
  assert.ok(Math.abs(speed - 100) < 1, `${speed}`)
})

test('what a consumer was served fades, and is forgotten', () => {
  const shares = new FairShare()
  shares.add('c1', 1_000, 0)
  assert.equal(Math.round(shares.of('c1', 300_000)), 500)
  assert.equal(Math.round(shares.of('c1', -5_000)), 1_000)
  shares.add('c1', -2_000, 0)
  assert.equal(shares.of('c1', 0), 0)
  for (let i = 0; i < 20_000; i++) shares.add(`peer${i}`, 10, i)
  assert.equal(shares.of('peer0', 20_000), 0)
  assert.ok(shares.of('peer19999', 20_000) > 9)
})

test('bytes are held up to a limit for each and for all, and given back once', () => {
  const budget = new ByteBudget(100, 60)
  const first = budget.take('a', 60)
  assert.ok(typeof first === 'function')
  assert.equal(budget.take('a', 1), 'each')
  assert.equal(budget.take('b', 41), 'all')
  assert.equal(typeof budget.take('b', 40), 'function')
  first()
  first()
  assert.equal(budget.held, 40)
})
