import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { accountId, REVENUE, type Transfer } from '../ledger/accounts.ts'
import type { Claim } from './claim.ts'
import {
  type AuthorizationFacts,
  type Booking,
  type BookingPolicy,
  decideBooking,
  type ProviderFacts,
  type SessionFacts,
} from './decide-booking.ts'

/** What the store held when the batch had its locks. */
export interface KnownFacts {
  /** By CID. */
  readonly authorizations: Map<string, AuthorizationFacts & { readonly serial: bigint }>
  /** By the CID of the order. */
  readonly sessions: Map<string, SessionFacts>
  /** CID by `session/sequence`. */
  readonly receipts: Map<string, string>
  readonly providers: Map<string, ProviderFacts>
  /** By the consumer's peer id. */
  readonly organizations: Map<string, string>
}

/** A session as it will be stored after the batch. */
export interface SessionWrite {
  readonly claim: Claim
  readonly facts: SessionFacts
  readonly serial: bigint | null
  readonly organization: string | null
}

/**
 * The decisions of one batch, each on top of the ones before it, gathered for one posting statement. Holds no
 * connection: what a batch does can be tested without a database.
 */
export class BookingPlan {
  readonly sessions = new Map<string, SessionWrite>()
  readonly receipts: { readonly claim: Claim; readonly increase: PicoEuro }[] = []
  readonly conflicts: Claim[] = []
  readonly transfers: Transfer[] = []
  /** Pico-euro spent in this batch, by the serial of the authorization. */
  readonly spent = new Map<bigint, bigint>()
  readonly #known: KnownFacts
  readonly #policy: BookingPolicy

  constructor(known: KnownFacts, policy: BookingPolicy) {
    this.#known = known
    this.#policy = policy
  }

  take(claim: Claim): Booking {
    const known = this.#known
    const seat = `${claim.session}/${claim.sequence}`
    const booking = decideBooking(
      claim,
      {
        seen: known.receipts.get(seat),
        session: known.sessions.get(claim.session),
        authorization: known.authorizations.get(claim.authorization ?? ''),
        provider: known.providers.get(claim.provider),
        organization: known.organizations.get(claim.consumer),
      },
      this.#policy,
    )
    if (booking.status === 'rejected' && booking.code === 'HANSE_RECEIPT_EQUIVOCATION') {
      this.conflicts.push(claim)
    }
    if (booking.status === 'superseded') this.#keep(claim, picoEuro(0n))
    if (booking.status === 'booked' && this.#concernsUs(claim)) this.#book(claim, booking)
    return booking
  }

  /** Free sessions between strangers are answered and not stored: nobody here would ever ask for them. */
  #concernsUs(claim: Claim): boolean {
    return (
      claim.authorization !== null ||
      this.#known.providers.has(claim.provider) ||
      this.#known.organizations.has(claim.consumer)
    )
  }

  #book(claim: Claim, booking: Booking & { status: 'booked' }): void {
    const known = this.#known
    const authorization = known.authorizations.get(claim.authorization ?? '')
    const facts: SessionFacts = {
      sequence: claim.sequence,
      amount: claim.amount,
      fee: picoEuro((known.sessions.get(claim.session)?.fee ?? 0n) + booking.feeIncrease),
      feeBps: booking.feeBps,
      inputTokens: claim.inputTokens,
      outputTokens: claim.outputTokens,
    }
    known.sessions.set(claim.session, facts)
    this.sessions.set(claim.session, {
      claim,
      facts,
      serial: authorization?.serial ?? null,
      organization: known.organizations.get(claim.consumer) ?? null,
    })
    this.#keep(claim, booking.increase)
    if (authorization === undefined || booking.increase === 0n) return
    const { serial, organization, remaining } = authorization
    this.spent.set(serial, (this.spent.get(serial) ?? 0n) + booking.increase)
    known.authorizations.set(claim.authorization ?? '', {
      ...authorization,
      remaining: picoEuro(remaining - booking.increase),
    })
    this.#post(claim, organization, booking)
  }

  #post(claim: Claim, organization: string, booking: Booking & { status: 'booked' }): void {
    const debit = accountId('held', organization)
    const reference = claim.receipt
    const earned = picoEuro(booking.increase - booking.feeIncrease)
    if (earned > 0n) {
      const credit = accountId('payable', claim.provider)
      this.transfers.push({ debit, credit, amount: earned, kind: 'usage', reference })
    }
    if (booking.feeIncrease > 0n) {
      const amount = booking.feeIncrease
      this.transfers.push({ debit, credit: REVENUE, amount, kind: 'platform_fee', reference })
    }
  }

  #keep(claim: Claim, increase: PicoEuro): void {
    this.#known.receipts.set(`${claim.session}/${claim.sequence}`, claim.receipt)
    this.receipts.push({ claim, increase })
  }
}
