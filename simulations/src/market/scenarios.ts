import { MARKET, type MarketShape } from './plan.ts'

/** One market of a sweep, apart from its seed. */
export interface Scenario {
  readonly sweep: Sweep
  /** What is varied, as the report names it; a number where it is one. */
  readonly value: string
  readonly at: number
  readonly changes: Partial<MarketShape>
}

export const SWEEPS = [
  'base',
  'clock',
  'pricing',
  'load',
  'fee',
  'explore',
  'leave',
  'windows',
  'memory',
  'checks',
  'floor',
] as const
export type Sweep = (typeof SWEEPS)[number]

const LEAVE_AFTER_HOURS = 1
const NEWCOMERS_AFTER_HOURS = 1
const CHEATS = 0.25

const percent = (share: number): string => `${share * 100} %`

/** All markets of the report; each runs once for each seed. */
export const SCENARIOS: readonly Scenario[] = [
  { sweep: 'base', value: '18:00', at: MARKET.from, changes: {} },
  ...[0, 6, 12].map(
    (from): Scenario => ({ sweep: 'clock', value: `${from}:00`, at: from, changes: { from } }),
  ),
  ...(['fixed', 'utilization', 'advised'] as const).map(
    (pricing, at): Scenario => ({ sweep: 'pricing', value: pricing, at, changes: { pricing } }),
  ),
  ...[0.5, 1.5, 2].map(
    (times): Scenario => ({
      sweep: 'load',
      value: `${times} ×`,
      at: times,
      changes: { rate: MARKET.rate * times },
    }),
  ),
  ...[0, 0.125, 0.25, 0.4].map(
    (fee): Scenario => ({
      sweep: 'fee',
      value: percent(fee),
      at: fee,
      changes: { feeBps: Math.round(fee * 10_000), leavesAtALoss: true },
    }),
  ),
  ...[0, 0.05, 0.2].map(
    (share): Scenario => ({
      sweep: 'explore',
      value: percent(share),
      at: share,
      changes: { exploreShare: share, newcomersAfterHours: NEWCOMERS_AFTER_HOURS },
    }),
  ),
  ...[1 / 3].map(
    (share): Scenario => ({
      sweep: 'leave',
      value: 'a third',
      at: share,
      changes: { leave: { afterHours: LEAVE_AFTER_HOURS, share } },
    }),
  ),
  ...(['reset', 'kept', 'none'] as const).map(
    (windows, at): Scenario => ({
      sweep: 'windows',
      value: windows,
      at,
      // What windows do by themselves.
      changes: { cheatingConsumers: CHEATS, rules: { ...MARKET.rules, windows, memory: false } },
    }),
  ),
  {
    sweep: 'memory',
    value: 'reset, and defaults remembered',
    at: 1,
    changes: { cheatingConsumers: CHEATS },
  },
  ...[0, 0.02, 0.1].map(
    (share): Scenario => ({
      sweep: 'checks',
      value: percent(share),
      at: share,
      changes: { cheatingProviders: CHEATS, spotCheckShare: share },
    }),
  ),
  {
    sweep: 'floor',
    value: 'without a floor',
    at: 1,
    changes: { rules: { ...MARKET.rules, priceFloor: false } },
  },
]
