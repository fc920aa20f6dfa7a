import { picoOfCents } from '@hanse/client'
import { m } from '#lib/i18n.ts'
import { type PicoEuro, picoEuro } from '#lib/money.ts'
import type { Earnings } from './nodes.svelte.ts'

export type Payout = Earnings['payouts'][number]
export type BankPayout = Earnings['bankPayouts'][number]
export type Held = Earnings['held'][number]

export const ofCents = (digits: string): PicoEuro => picoEuro(picoOfCents(digits))

/** What the last payouts came to; what was taken back is owed again. */
export const paidOut = ({ payouts }: Pick<Earnings, 'payouts'>): PicoEuro =>
  picoEuro(
    payouts
      .filter(({ state }) => state === 'paid')
      .reduce((sum, { cents, reversedCents }) => sum + ofCents(cents) - ofCents(reversedCents), 0n),
  )

export const payoutStates: Readonly<Record<Payout['state'], () => string>> = {
  pending: m.nodes_payout_pending,
  submitted: m.nodes_payout_submitted,
  paid: m.nodes_payout_paid,
  failed: m.nodes_payout_failed,
}
export const bankStates: Readonly<Record<BankPayout['state'], () => string>> = {
  pending: m.nodes_bank_pending,
  in_transit: m.nodes_bank_transit,
  paid: m.nodes_bank_paid,
  failed: m.nodes_payout_failed,
  canceled: m.nodes_bank_canceled,
}
export const toneOf = (state: string): 'verified' | 'error' | 'waits' =>
  state === 'paid' ? 'verified' : state === 'failed' || state === 'canceled' ? 'error' : 'waits'
