import type { Repository } from '../db/repository.ts'
import type { Claim, StatementClaim } from '../receipts/claim.ts'
import type { Booking, BookingPolicy } from '../receipts/decide-booking.ts'
import type { StatementBooking } from '../receipts/decide-statement.ts'
import { TRANSACTION_SESSIONS } from '../receipts/ingest-statements.ts'
import { GroupBooking } from './group-booking.ts'

/** Books what was verified; each call gets the bookings of its own claims, in their order. */
export interface Booker {
  readonly receipts: (claims: readonly Claim[]) => Promise<Booking[]>
  readonly statements: (claims: readonly StatementClaim[]) => Promise<StatementBooking[]>
}

/** Receipts booked in one transaction. Larger ones gain nothing more, and others wait longer for the same pair. */
const TRANSACTION_RECEIPTS = 1_000

/** @param now milliseconds since 1970 */
export function groupBooker(
  store: Pick<Repository, 'bookReceipts' | 'bookStatements'>,
  policy: BookingPolicy,
  now: () => number,
): Booker {
  const receipts = new GroupBooking<Claim, Booking>(
    (claims) => store.bookReceipts(claims, policy, now()),
    { weightMax: TRANSACTION_RECEIPTS, weigh: () => 1 },
  )
  const statements = new GroupBooking<StatementClaim, StatementBooking>(
    (claims) => store.bookStatements(claims, policy, now()),
    { weightMax: TRANSACTION_SESSIONS, weigh: ({ claims }) => Math.max(1, claims.length) },
  )
  return {
    receipts: (claims) => receipts.book(claims),
    statements: (claims) => statements.book(claims),
  }
}
