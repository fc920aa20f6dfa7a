import { expect, test } from 'vitest'
import { changesOf, thresholdsOf } from './budget-flags.ts'

test('a budget is written on the command line in euro and words', () => {
  const flags = { amount: '2.50', team: 'research', window: '30d', carryOver: true }
  expect(changesOf(flags)).toEqual({
    amount: '2500000000000',
    scope: { team: 'research' },
    window: { kind: 'rolling', days: 30 },
    carryOver: true,
  })
  expect(changesOf({ window: '2026-11-01..2026-12-01' })).toEqual({
    window: { kind: 'fixed', from: Date.parse('2026-11-01'), to: Date.parse('2026-12-01') },
  })
  expect(changesOf({})).toEqual({})
  for (const wrong of [
    { window: 'year' },
    { amount: 'much' },
    { window: '2026-12-01..2026-11-01' },
  ])
    expect(() => changesOf(wrong)).toThrow(
      expect.objectContaining({ code: 'HANSE_CONFIG_INVALID' }),
    )
})

test('thresholds that flags name take the place of their kind, and others stay', () => {
  const before = [
    { percent: 80, action: 'notify' as const },
    { percent: 90, action: 'slow' as const },
    { percent: 100, action: 'stop' as const },
  ]
  expect(thresholdsOf({}, before)).toEqual(before)
  expect(thresholdsOf({ notify: '50,95', stop: 'none' }, before)).toEqual([
    { percent: 50, on: 'spent', action: 'notify' },
    { percent: 90, action: 'slow' },
    { percent: 95, on: 'spent', action: 'notify' },
  ])
  expect(() => thresholdsOf({ notify: 'some' }, before)).toThrow('--notify')
})
