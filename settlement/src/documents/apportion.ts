import { PICO_PER_CENT } from '@hanse/protocol'
import type { Carry } from './document.ts'

/**
 * Exact amounts as whole cents that add up: the total is rounded down once, each amount gets the cents that it completes,
 * and what is left of a cent is carried into the next document.
 *
 * @param amounts pico-euro; below zero for what is taken off
 * @param from what the document before carried over, below one cent
 */
export function apportion(
  amounts: readonly bigint[],
  from: bigint,
): { readonly cents: readonly bigint[]; readonly carry: Carry } {
  const cents: bigint[] = []
  let exact = from
  for (const amount of amounts) {
    const before = wholeCents(exact)
    exact += amount
    cents.push(wholeCents(exact) - before)
  }
  return { cents, carry: { from, to: exact - wholeCents(exact) * PICO_PER_CENT } }
}

/** Rounded down, also below zero: what is carried is never negative. */
function wholeCents(pico: bigint): bigint {
  const cents = pico / PICO_PER_CENT
  return cents * PICO_PER_CENT > pico ? cents - 1n : cents
}
