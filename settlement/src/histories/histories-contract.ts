import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { EXAMPLE, OPENING, steps } from './steps.ts'
import { World } from './world.ts'

/** One history takes a few seconds, most of them Stripe's answers. */
const HISTORY_MS = 60_000
/** Random histories need not all have every one of these, but their sum must. */
const SIGHTS = [
  'booked',
  'duplicate',
  'superseded',
  'HANSE_RECEIPT_EQUIVOCATION',
  'paid',
  'refunded',
  'payouts',
  'reversed',
  'disputed',
  'won',
  'debt',
  'goodwill',
  'HANSE_PAYMENTS_UNAVAILABLE',
]

/**
 * Random histories of everything that moves money, through storms of Stripe's, against books so naive that they can be
 * believed.
 *
 * @param open an empty store each time, which the contract closes
 */
export function historiesContract(
  name: string,
  open: () => Promise<SettlementStore>,
  numRuns: number,
): void {
  test(
    `${name}: after any history the books are those of a naive model, and Stripe’s`,
    async () => {
      const seen = new Set<string>()
      await fc.assert(
        fc.asyncProperty(steps, async (history) => {
          await using store = await open()
          await using world = await World.open(store, seen)
          for (const step of [...OPENING, ...history]) {
            await world.play(step)
            await world.checkNothingNegative()
          }
          await world.calm()
        }),
        { numRuns, examples: [[EXAMPLE]] },
      )
      expect(SIGHTS.filter((sight) => !seen.has(sight))).toEqual([])
    },
    HISTORY_MS * numRuns,
  )
}
