import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { exampleStatus } from '../control/testing/example-status.ts'
import type { ProviderStatus } from '../provider/status.ts'
import type { Paint } from './pretty-line.ts'
import { spanOf, statusLines } from './status-text.ts'

const plain: Paint = (_colour, text) => text
const textOf = (changes: Partial<ProviderStatus> = {}) =>
  statusLines(exampleStatus(changes), plain).join('\n')

describe('a status', () => {
  test('tells state, market, models, GPUs, sessions, totals and settlement', () => {
    const text = textOf()
    for (const wanted of [
      /^State +serving, up 1 d 2 h$/mu,
      /^Market +live, told 20 peers 4 min ago$/mu,
      /^Evidence +level 3, for another 1 d 0 h$/mu,
      /^Engine +builtin not ready: the worker ended/mu,
      /^ {2}qwen\/qwen3-8b:q4 +loaded +2\/4 +1 +61\.3 +0\.05 EUR\/Mtok +0\.20 EUR\/Mtok$/mu,
      /^ {2}nvidia:0 +NVIDIA GeForce RTX 4090 +87 % +18\.0\/24\.0 GiB +71 °C +312 W$/mu,
      /^ {2}nvidia:1 +NVIDIA GeForce RTX 3060 +- +-\/12\.0 GiB +- +-$/mu,
      /912 sessions, 880 whole answers, 1 234 567 tokens in, 987 654 out/u,
      /earned 3\.141592653589 EUR before the platform fee/u,
      /31 turned away, HANSE_CAPACITY: Try again/u,
      /https:\/\/settlement\.example answers, 3 receipts unsettled/u,
      /1 refused for good, HANSE_RECEIPT_AMOUNT/u,
    ])
      assert.match(text, wanted)
  })

  test.each<[string, Partial<ProviderStatus>, RegExp]>([
    [
      'it is paused',
      { state: 'paused', pausedBy: ['outside the schedule'] },
      /paused: outside the schedule/u,
    ],
    ['it is not live', { live: undefined }, /not live yet: the offer is being announced/u],
    [
      'nobody is connected',
      { live: undefined, connections: 0 },
      /no peer is connected; check --bootstrap/u,
    ],
    [
      'strangers cannot reach it',
      { reachability: 'unreachable' },
      /cannot reach it: forward a port/u,
    ],
    ['it has no evidence', { evidenceLevel: 0 }, /Evidence +none/u],
    [
      'no session came',
      { sessions: [], totals: { ...exampleStatus().totals, sessions: 0 } },
      /no order came yet: run `hanse doctor`/u,
    ],
    ['nobody pays', { settlement: undefined }, /nobody pays; give --settlement-url/u],
  ])('says why when %s', (_what, changes, wanted) => {
    assert.match(textOf(changes), wanted)
  })

  test('cannot move the cursor, whatever engines and consumers are called', () => {
    const evil = 'x\u001b[2J\u009b\u202e\n'
    const [model] = exampleStatus().models
    assert.ok(model !== undefined)
    const lines = statusLines(
      exampleStatus({
        pausedBy: [evil],
        models: [{ ...model, id: evil }],
        engines: [{ name: evil, ready: false, message: evil }],
      }),
      plain,
    )
    for (const line of lines) assert.doesNotMatch(line, /[\p{Control}\p{Format}]/u)
  })
})

test.each([
  [0, '0 s'],
  [59_999, '59 s'],
  [3_599_000, '59 min'],
  [12_000_000, '3 h 20 min'],
  [93_784_000, '1 d 2 h'],
  [-5, '0 s'],
])('%i ms are %s', (ms, text) => {
  assert.equal(spanOf(ms), text)
})
