import assert from 'node:assert/strict'
import { picoEuro } from '@hanse/protocol'
import { describe, test } from 'vitest'
import type { EndedSession } from './provider-events.ts'
import { ProviderStatistics } from './provider-statistics.ts'

const ended: EndedSession = {
  session: 'one',
  trace: null,
  startedAt: 0,
  model: 'test/m',
  kind: 'chat',
  reason: 'completed',
  durationMs: 3_000,
  firstTokenMs: 1_000,
  inputTokens: 5,
  outputTokens: 21,
  earned: picoEuro(700n),
}

function open() {
  let time = 1_700_000_000_000
  const statistics = new ProviderStatistics({ now: () => time })
  return {
    statistics,
    pass: (ms: number) => {
      time += ms
    },
  }
}

describe('the statistics of a provider', () => {
  test('begin with nothing', () => {
    const { statistics } = open()
    assert.deepEqual(statistics.totals(), {
      sessions: 0,
      completed: 0,
      rejected: {},
      failed: {},
      inputTokens: 0,
      outputTokens: 0,
      earned: 0n,
      tokensPerSecond: 0,
    })
    assert.equal(statistics.tokensPerSecond('test/m'), null)
  })

  test('count sessions by how they ended, and orders turned away by their code', () => {
    const { statistics } = open()
    for (const code of ['HANSE_CAPACITY', 'HANSE_CAPACITY', 'HANSE_ORDER_PRICE'] as const) {
      statistics.orderReceived()
      statistics.rejected(code)
    }
    for (const session of [
      ended,
      { ...ended, reason: 'length' as const },
      { ...ended, reason: 'cancelled' as const },
      { ...ended, reason: 'engine-failed' as const, code: 'HANSE_ENGINE_REFUSED' as const },
    ]) {
      statistics.orderReceived()
      statistics.accepted('test/m', 0)
      statistics.tokens('test/m', session.outputTokens)
      statistics.sessionEnded(session)
    }
    const totals = statistics.totals()
    assert.equal(statistics.orders, 7)
    assert.equal(totals.sessions, 4)
    assert.equal(totals.completed, 2)
    assert.deepEqual(totals.rejected, { HANSE_CAPACITY: 2, HANSE_ORDER_PRICE: 1 })
    assert.deepEqual(totals.failed, { HANSE_SESSION_CANCELLED: 1, HANSE_ENGINE_REFUSED: 1 })
    assert.equal(totals.inputTokens, 20)
    assert.equal(totals.outputTokens, 84)
    assert.equal(totals.earned, 2_800n)
  })

  test('tell the speed of an answer after its first token, the newest weighing a fifth', () => {
    const { statistics } = open()
    statistics.sessionEnded(ended)
    assert.equal(statistics.tokensPerSecond('test/m'), 10)
    statistics.sessionEnded({ ...ended, outputTokens: 41 })
    assert.equal(statistics.tokensPerSecond('test/m'), 12)
    statistics.sessionEnded({ ...ended, outputTokens: 1 })
    statistics.sessionEnded({ ...ended, firstTokenMs: null, outputTokens: 0 })
    assert.equal(statistics.tokensPerSecond('test/m'), 12)
    assert.equal(statistics.tokensPerSecond('test/other'), null)
  })

  test('tell tokens a second over the last ten seconds, and none when those were idle', () => {
    const { statistics, pass } = open()
    for (let second = 0; second < 30; second++) {
      pass(1_000)
      statistics.tokens('test/m', 50)
    }
    const steady = statistics.totals().tokensPerSecond
    assert.ok(steady > 49 && steady < 56, `${steady}`)
    pass(5_000)
    const half = statistics.totals().tokensPerSecond
    assert.ok(half > 20 && half < 30, `${half}`)
    pass(5_000)
    assert.equal(statistics.totals().tokensPerSecond, 0)
  })

  test('do not call one early burst a rate beyond what a second saw', () => {
    const { statistics, pass } = open()
    pass(10)
    statistics.tokens('test/m', 40)
    assert.equal(statistics.totals().tokensPerSecond, 40)
  })
})
