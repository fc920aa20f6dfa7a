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
  type KnownLanes,
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
  /** Of settled statements: CID by `authorization/lane/sequence`, and the records by CID. */
  readonly lanes: KnownLanes
  /** Evidence of two truths under one number: see `KnownFacts`. */
  readonly conflicts: Set<string>
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
  lanes: { seats: new Map(), statements: new Map(), frozen: new Set() },
  conflicts: new Set(),
  serial: 0n,
})

/** A copy of what is known, for a batch to decide on. The store reads only what the batch touches. */
export function knownFacts(state: SettlementState): KnownFacts {
  const { providers, organizations, lanes } = state
  return {
    authorizations: new Map(
      [...state.authorizations].map(([cid, row]) => [
        cid,
        { ...row, remaining: picoEuro(row.limit - row.spent - row.released) },
      ]),
    ),
    sessions: new Map([...state.sessions].map(([session, { facts }]) => [session, facts])),
    receipts: new Map(state.receipts),
    providers,
    organizations,
    lanes: {
      seats: new Map(lanes.seats),
      statements: new Map(lanes.statements),
      frozen: new Set(lanes.frozen),
    },
    conflicts: state.conflicts,
  }
}

/** The session of a claim's two parties, whatever else is stored under its order. */
export function sessionOf(
  state: SettlementState,
  claim: Pick<Claim, 'session' | 'consumer' | 'provider'>,
): SettledSession | undefined {
  for (const [key, settled] of state.sessions) {
    const { consumer, provider } = settled.claim
    const isSame = key === claim.session || key.startsWith(`${claim.session}~`)
    if (isSame && consumer === claim.consumer && provider === claim.provider) return settled
  }
  return undefined
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
  for (const { claim } of plan.statements) {
    state.lanes.seats.set(`${claim.authorization}/${claim.lane}/${claim.sequence}`, claim.cid)
    state.lanes.statements.set(claim.cid, claim.bytes)
  }
  for (const session of plan.frozenSessions) {
    const settled = state.sessions.get(session)
    if (settled !== undefined)
      state.sessions.set(session, { ...settled, facts: { ...settled.facts, frozen: true } })
  }
  for (const lane of plan.frozenLanes.keys()) state.lanes.frozen.add(lane)
  for (const claim of plan.conflicts)
    state.conflicts.add(`${claim.session}/${claim.sequence}/${claim.receipt}`)
  for (const { claim } of plan.statementConflicts)
    state.conflicts.add(`${claim.authorization}/${claim.lane}/${claim.sequence}/${claim.cid}`)
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
