import { type PicoEuro, picoEuro } from '@hanse/protocol'
import {
  type AccountId,
  accountId,
  accountParts,
  type BookingPlan,
  CLEARING,
  type Claim,
  isGuarded,
  type KnownFacts,
  type ProviderFacts,
  type SessionFacts,
  type Transfer,
} from '@hanse/settlement/rules'

export interface StoredAuthorization {
  readonly cid: string
  readonly serial: bigint
  readonly organization: string
  readonly consumer: string
  readonly provider: string
  readonly limit: PicoEuro
  readonly notAfter: number
  spent: bigint
  released: bigint
  closed: boolean
}

export interface SettledSession {
  readonly claim: Claim
  readonly facts: SessionFacts
}

/** Settlement's tables, in memory. */
export interface SettlementState {
  readonly authorizations: Map<string, StoredAuthorization>
  readonly sessions: Map<string, SettledSession>
  /** CID by `session/sequence`. */
  readonly receipts: Map<string, string>
  readonly providers: Map<string, ProviderFacts>
  readonly organizations: Map<string, string>
  readonly transfers: Transfer[]
  readonly balances: Map<AccountId, bigint>
  /** CIDs of settled receipts, in order, each with the process that settled it and puts it into the log. */
  readonly log: { readonly cid: string; readonly writer: number }[]
  /** Of them, how many each process knows to be in the log. */
  readonly logged: Map<number, number>
  serial: bigint
}

export const emptySettlement = (): SettlementState => ({
  authorizations: new Map(),
  sessions: new Map(),
  receipts: new Map(),
  providers: new Map(),
  organizations: new Map(),
  transfers: [],
  balances: new Map(),
  log: [],
  logged: new Map(),
  serial: 0n,
})

/** The facts that the store reads for a batch, as its queries select them. */
export function knownFacts(state: SettlementState, claims: readonly Claim[]): KnownFacts {
  const authorizations: KnownFacts['authorizations'] = new Map()
  const sessions = new Map<string, SessionFacts>()
  const receipts = new Map<string, string>()
  for (const claim of claims) {
    const row = state.authorizations.get(claim.authorization ?? '')
    if (row !== undefined) {
      const remaining = picoEuro(row.limit - row.spent - row.released)
      authorizations.set(row.cid, { ...row, remaining })
    }
    const settled = state.sessions.get(claim.session)
    if (settled !== undefined) sessions.set(claim.session, settled.facts)
    const seat = `${claim.session}/${claim.sequence}`
    const kept = state.receipts.get(seat)
    if (kept !== undefined) receipts.set(seat, kept)
  }
  const { providers, organizations } = state
  return { authorizations, sessions, receipts, providers, organizations }
}

/** Writes what a plan decided. */
export function applyPlan(state: SettlementState, plan: BookingPlan, writer: number): void {
  const bySerial = new Map([...state.authorizations.values()].map((row) => [row.serial, row]))
  for (const [session, { claim, facts }] of plan.sessions) {
    state.sessions.set(session, { claim, facts })
  }
  for (const { claim } of plan.receipts) {
    const seat = `${claim.session}/${claim.sequence}`
    state.receipts.set(seat, claim.receipt)
    state.log.push({ cid: claim.receipt, writer })
  }
  for (const [serial, amount] of plan.spent) {
    const row = bySerial.get(serial)
    if (row !== undefined) row.spent += amount
  }
  postTransfers(state, plan.transfers)
}

/** Whether every guarded account stays at or above zero. */
export function covers(state: SettlementState, transfers: readonly Transfer[]): boolean {
  const changes = new Map<AccountId, bigint>()
  for (const { debit, credit, amount } of transfers) {
    changes.set(debit, (changes.get(debit) ?? 0n) - amount)
    changes.set(credit, (changes.get(credit) ?? 0n) + amount)
  }
  return [...changes].every(
    ([account, change]) =>
      !isGuarded(accountParts(account).kind) || (state.balances.get(account) ?? 0n) + change >= 0n,
  )
}

export function postTransfers(state: SettlementState, transfers: readonly Transfer[]): void {
  for (const transfer of transfers) {
    const { debit, credit, amount } = transfer
    state.balances.set(debit, (state.balances.get(debit) ?? 0n) - amount)
    state.balances.set(credit, (state.balances.get(credit) ?? 0n) + amount)
    state.transfers.push(transfer)
  }
}

/** Prepaid money comes in. */
export function topUp(state: SettlementState, organization: string, amount: PicoEuro): void {
  const credit = accountId('available', organization)
  postTransfers(state, [
    { debit: CLEARING, credit, amount, kind: 'top_up', reference: organization },
  ])
}
