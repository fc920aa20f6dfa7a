import { expect, test } from 'vitest'
import type { Earnings, EarningsTerms } from '../../settlement/provider-api.ts'
import { earningsLines } from './earnings-text.ts'

const AT = Date.parse('2026-11-21T17:20:00Z')
const DAY_MS = 86_400_000
const EURO = 10n ** 12n

const EARNINGS: Earnings = {
  peerId: '12D3KooW',
  payable: 3n * EURO,
  heldBack: 2n * EURO,
  inTransit: 0n,
  debt: 0n,
  onHold: false,
  held: [{ amount: 2n * EURO, shareBps: 5_000, heldAt: AT, freeAt: AT + 14 * DAY_MS }],
  payouts: [
    {
      id: 'po_2',
      cents: 500n,
      reversedCents: 120n,
      state: 'paid',
      failure: null,
      createdAt: AT,
      updatedAt: AT,
    },
    {
      id: 'po_1',
      cents: 900n,
      reversedCents: 0n,
      state: 'failed',
      failure: 'account closed',
      createdAt: AT,
      updatedAt: AT,
    },
  ],
  bankPayouts: [
    { id: 'b', cents: 500n, state: 'in_transit', failure: null, arrivesAt: AT, createdAt: AT },
  ],
}
const TERMS: EarningsTerms = {
  feeBps: 2_500,
  payoutMinimumCents: 1n,
  nextPayoutRunAt: Date.parse('2026-11-22T03:30:00Z'),
  holdBack: {
    freeCents: 500n,
    stages: [{ untilDays: 14, untilCents: 5_000n, shareBps: 5_000, days: 14 }],
  },
}
const shown = (changes: Partial<Earnings> = {}, terms: Partial<EarningsTerms> = {}) =>
  earningsLines({ ...EARNINGS, ...changes }, { ...TERMS, ...terms }, (_colour, text) => text)

test('earnings are told with the days on which they come free', () => {
  expect(shown()).toEqual([
    'payable     3.00 EUR',
    'held back   2.00 EUR',
    'in transit  0.00 EUR',
    'paid out    3.80 EUR in the last 2 payouts',
    '',
    'Held back',
    '  FREE ON     AMOUNT    SHARE  SINCE',
    '  2026-12-05  2.00 EUR  50 %   2026-11-21',
    '',
    'Payouts',
    '  WHEN              AMOUNT    STATE',
    '  2026-11-21 17:20  5.00 EUR  paid    1.20 EUR taken back',
    '  2026-11-21 17:20  9.00 EUR  failed                       account closed',
    '',
    'Sent on to your bank',
    '  ARRIVES     AMOUNT    STATE',
    '  2026-11-21  5.00 EUR  in_transit',
    '',
    'Rules',
    '  the platform keeps 25 % of what consumers pay: prices with a floor count it in',
    '  payouts once a day from 0.01 EUR, the next 2026-11-22 03:30 UTC',
    '  held back, the first 5.00 EUR free; the first line that applies counts:',
    '    50 % for 14 days, in the first 14 days or until 50.00 EUR are earned',
  ])
})

test('what stops payouts is told, and long lists are cut', () => {
  const [one] = EARNINGS.held
  const held = Array.from({ length: 12 }, () => one ?? assertNever())
  const lines = shown(
    { held, debt: EURO, onHold: true },
    { holdBack: { freeCents: 0n, stages: [] } },
  )
  expect(lines).toContain('owed by you 1.00 EUR, taken from what becomes payable')
  expect(lines).toContain('payouts are stopped: ask the operator of settlement why')
  expect(lines).toContain('  … 2 more; see --json')
  expect(lines.at(-1)).toBe('  nothing is held back')
})

function assertNever(): never {
  throw new Error('the fixture has one')
}
