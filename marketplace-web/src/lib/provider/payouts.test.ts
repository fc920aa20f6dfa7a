import { expect, test } from 'vitest'
import { paidOut, toneOf } from './payouts.ts'

const payout = (state: 'paid' | 'failed' | 'pending', cents: string, reversedCents = '0') => ({
  id: 'po',
  state,
  cents,
  reversedCents,
  failure: null,
  createdAt: 0,
  updatedAt: 0,
})

test('what was paid is what left, less what came back', () => {
  const payouts = [payout('paid', '500', '120'), payout('failed', '900'), payout('pending', '100')]
  expect(paidOut({ payouts })).toBe(3_800_000_000_000n)
  expect(paidOut({ payouts: [] })).toBe(0n)
})

test('only what arrived is green', () => {
  const states = ['paid', 'failed', 'canceled', 'pending', 'submitted', 'in_transit']
  expect(states.map(toneOf)).toEqual(['verified', 'error', 'error', 'waits', 'waits', 'waits'])
})
