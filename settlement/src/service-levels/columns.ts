import { PACE_BOUNDS, type Paces } from './pace.ts'

/** Of the table of hours: a count for each pace, the last for what is slower than all bounds. */
export const PACE_COLUMNS: readonly string[] = [
  ...PACE_BOUNDS.map((bound) => `pace_${bound}`),
  'pace_more',
]

/** Counts that were summed, as text; as a statement selects them by `SUMS`. */
export interface SummedRow {
  readonly good: string
  readonly failed: string
  readonly ended: string
  readonly cut: string
  readonly paces: readonly string[]
}

export interface Sums {
  readonly good: bigint
  readonly failed: bigint
  readonly ended: bigint
  readonly cut: bigint
  readonly paces: Paces
}

/** Of `service_hour h`. */
export const SUMS = [
  ...['good', 'failed', 'ended', 'cut'].map((name) => `sum(h.${name})::text as ${name}`),
  `json_build_array(${PACE_COLUMNS.map((name) => `sum(h.${name})::text`).join(', ')}) as paces`,
].join(', ')

export const toSums = ({ good, failed, ended, cut, paces }: SummedRow): Sums => ({
  good: BigInt(good),
  failed: BigInt(failed),
  ended: BigInt(ended),
  cut: BigInt(cut),
  paces: paces.map(BigInt),
})
