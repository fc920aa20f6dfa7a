import { setImmediate } from 'node:timers/promises'
import { type ErrorCode, HanseError } from '@hanse/protocol'

/** An item that is refused: by its own bytes, or by what is known here. */
export interface RefusedItem {
  readonly status: 'rejected'
  readonly code: ErrorCode
  readonly message: string
}

/** What became of an item whose bytes were looked at: a claim, or a refusal. */
export type Verified<Claim extends object> = Claim | RefusedItem

export const isRefused = (verified: object): verified is RefusedItem =>
  'status' in verified && verified.status === 'rejected'

/**
 * Verifies items in their order; one bad item never fails its neighbours.
 *
 * @param slice items after which the thread's other work gets a turn
 */
export async function verifyItems<Item, Claim extends object>(
  items: readonly (Item | HanseError)[],
  verify: (item: Item) => Claim,
  slice: number,
): Promise<Verified<Claim>[]> {
  const verified: Verified<Claim>[] = []
  for (const [i, item] of items.entries()) {
    if (i % slice === slice - 1) await setImmediate()
    try {
      if (item instanceof HanseError) throw item
      verified.push(verify(item))
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      verified.push({ status: 'rejected', code: error.code, message: error.message })
    }
  }
  return verified
}

/** Books the claims among verified items; the results are in the order of the items. */
export async function bookVerified<Claim extends object, Booking, Result>(
  verified: readonly Verified<Claim>[],
  book: (claims: readonly Claim[]) => Promise<readonly Booking[]>,
  answer: (claim: Claim, booking: Booking) => Result,
): Promise<(Result | RefusedItem)[]> {
  const claims = verified.filter((item): item is Claim => !isRefused(item))
  const bookings = claims.length === 0 ? [] : await book(claims)
  let next = 0
  return verified.map((item) => {
    if (isRefused(item)) return item
    const booking = bookings[next++]
    if (booking === undefined) throw new Error('a claim without a booking')
    return answer(item, booking)
  })
}
