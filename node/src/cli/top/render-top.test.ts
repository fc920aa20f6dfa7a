import assert from 'node:assert/strict'
import { stripVTControlCharacters } from 'node:util'
import { describe, test } from 'vitest'
import { exampleStatus } from '../../control/testing/example-status.ts'
import type { ProviderStatus } from '../../provider/status.ts'
import { widthOf } from '../terminal-text.ts'
import { PANES, renderTop } from './render-top.ts'
import { bar, sparkline } from './spans.ts'
import { TopHistory } from './top-history.ts'

function historyOf(changes: Partial<ProviderStatus> = {}): TopHistory {
  const history = new TopHistory()
  history.take(exampleStatus(changes))
  history.takeLines(
    Array.from({ length: 30 }, (_, i) =>
      JSON.stringify({ level: 30, time: 0, msg: `line ${i}`, model: '通义/模型' }),
    ),
  )
  return history
}

const hostile = '模型\u001b[2J\u202e\n🚀'.repeat(40)
const busy = historyOf({
  pausedBy: [hostile],
  state: 'paused',
  models: exampleStatus().models.map((model) => ({ ...model, id: hostile })),
  sessions: Array.from({ length: 500 }, (_, i) => ({
    session: `bafy${i}`,
    consumer: hostile,
    model: hostile,
    startedAt: 0,
    phase: 'streaming',
    outputTokens: i,
  })),
})
const plain = { columns: 100, rows: 40, colours: false }

describe('the dashboard', () => {
  const sizes = [
    [60, 15],
    [80, 24],
    [200, 60],
    [20, 5],
    [1, 1],
    [0, 0],
    [300, 3],
  ] as const
  test.each(sizes)('of %i columns and %i rows fits in them', (columns, rows) => {
    for (const history of [new TopHistory(), historyOf(), busy])
      for (const colours of [true, false])
        for (const pane of PANES) {
          const lines = renderTop(history, { columns, rows, colours, pane })
          assert.ok(lines.length <= rows)
          for (const line of lines) {
            const shown = stripVTControlCharacters(line)
            assert.ok(widthOf(shown) <= columns, `${widthOf(shown)}: ${shown}`)
            assert.doesNotMatch(shown, /[\p{Control}\p{Format}]/u)
          }
        }
  })

  test('shows everything an owner looks for', () => {
    const screen = renderTop(historyOf(), plain).join('\n')
    for (const wanted of [
      /serving {2}up 1 d 2 h {2}DE {2}41 peers {2}direct/u,
      /118\.4 tok\/s █.*3\.141592653589 EUR earned/u,
      /3 receipts unsettled/u,
      /nvidia:0 +████████▊░ +87 % .* 18\.0\/24\.0 GiB {2}71 °C {2}312 W {2}NVIDIA GeForce RTX 4090/u,
      /nvidia:1 +·{10} +- /u,
      /qwen\/qwen3-8b:q4 .* 2\/4 \+1 {2}61\.3 tok\/s {2}loaded {2}0\.05 EUR\/Mtok in, 0\.20/u,
      /Sessions \(2\)/u,
      /streaming +12 s +640 tokens/u,
      /31 turned away HANSE_CAPACITY/u,
      /30 broken off {2}HANSE_SESSION_CANCELLED/u,
      /INFO {2}line 29/u,
      /q quit {2}p pause {2}r resume {2}d drain/u,
    ])
      assert.match(screen, wanted)
  })

  test('without colours has no escape sequence, and with them the same text', () => {
    const without = renderTop(historyOf(), plain)
    const coloured = renderTop(historyOf(), { ...plain, colours: true })
    assert.ok(!without.join('').includes('\u001b'))
    assert.ok(coloured.join('').includes('\u001b['))
    assert.deepEqual(coloured.map(stripVTControlCharacters), without)
  })

  test('in few rows shows a line of each pane it has room for, and all of the chosen one', () => {
    const small = { columns: 60, rows: 15, colours: false }
    const titles = (lines: string[]) =>
      lines.filter((line) => /^(?:GPUs|Models|Sessions|Not served|Log)/u.test(line))
    assert.equal(titles(renderTop(historyOf(), small)).length, 5)
    const logs = renderTop(historyOf(), { ...small, rows: 20, pane: 'log' })
    assert.equal(logs.filter((line) => /line \d+/u.test(line)).length, 7)
    assert.match(logs.at(-2) ?? '', /line 29/u)
  })

  test('says why it is paused, what it asks, and that the daemon is gone', () => {
    const history = historyOf({ state: 'paused', pausedBy: ['nvidia:0 is at 91 °C'] })
    assert.match(renderTop(history, plain)[0] ?? '', /paused: nvidia:0 is at 91 °C/u)
    history.fault = 'the daemon has ended; trying again'
    const lines = renderTop(history, { ...plain, notice: 'End it? y/n' })
    assert.match(lines.join('\n'), /the daemon has ended; trying again/u)
    assert.equal(lines.at(-1), 'End it? y/n')
  })
})

describe('its history', () => {
  test('stays bounded however long it is open', () => {
    const history = new TopHistory()
    for (let i = 0; i < 2_000; i++) {
      history.take(exampleStatus())
      history.takeLines(['a', 'b'])
    }
    assert.equal(history.rates.length, 400)
    assert.equal(history.lines.length, 200)
  })
})

describe('its drawings', () => {
  test('are as long as they are told, whatever the value', () => {
    for (const share of [0, 0.01, 0.5, 0.99, 1, 2, -1, null])
      assert.equal(widthOf(bar(share, 10)), 10)
    assert.equal(bar(0.5, 4), '██░░')
    assert.equal(bar(0.3125, 4), '█▎░░')
  })

  test('show the newest values by their share of the highest', () => {
    assert.equal(sparkline([100, 0, 50, 100], 3), '▁▄█')
    assert.equal(sparkline([0, 0], 9), '▁▁')
    assert.equal(sparkline([1, 2], 0), '')
  })
})
