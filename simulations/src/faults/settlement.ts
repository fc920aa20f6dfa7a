import {
  type ErrorCode,
  HanseError,
  type PeerId,
  type PicoEuro,
  picoEuro,
  signRecord,
  spendAuthorization,
} from '@hanse/protocol'
import {
  accountId,
  type Booking,
  BookingPlan,
  type Claim,
  readStatements,
  readSubmissions,
  type Transfer,
  verifyStatement,
  verifySubmission,
} from '@hanse/settlement/rules'
import { Disk, Host } from '../kernel/index.ts'
import { CONTEXT, NETWORK, peer, SETTLEMENT } from './cast.ts'
import { PAIR } from './collusion.ts'
import { ReceiptLog, SharedLog } from './receipt-log.ts'
import type { SignedAuthorization } from './session-store.ts'
import {
  applyPlan,
  covers,
  emptySettlement,
  knownFacts,
  postTransfers,
  type SettlementState,
  topUp,
} from './settlement-state.ts'
import type { World } from './world.ts'

export interface AuthorizationRequest {
  readonly organization: string
  readonly consumer: PeerId
  readonly provider: PeerId
  readonly amount: PicoEuro
  readonly lifetimeMs: number
}

export type AuthorizationReply =
  | { readonly signed: SignedAuthorization }
  | { readonly code: 'HANSE_BALANCE_INSUFFICIENT' | 'HANSE_PROVIDER_UNKNOWN' }

export type SubmissionResult =
  | { readonly status: 'booked' | 'duplicate' | 'superseded' }
  /** By its own bytes, or by what settlement knows. */
  | { readonly status: 'rejected'; readonly by: 'bytes' | 'books'; readonly code: ErrorCode }

export type StatementResult =
  | { readonly status: 'booked' | 'duplicate' }
  | { readonly status: 'rejected'; readonly code: ErrorCode }

/** How often expired holds are given back, milliseconds. */
const RELEASE_MS = 5_000
/** How long after an acceptance ended its receipts are still settled. */
const RECEIPT_GRACE_MS = 30 * 86_400_000

const PAIR_BALANCE = picoEuro(1_000_000_000n)

/** One or two settlement processes on one database. Each call is one transaction, committed before the reply. */
export class Settlement {
  readonly disk = new Disk<SettlementState>(emptySettlement)
  readonly hosts: readonly Host[]
  readonly #world: World
  readonly #sharedLog: SharedLog
  readonly #logs: readonly ReceiptLog[]
  #calls = 0

  constructor(world: World) {
    this.#world = world
    const { kernel, scenario } = world
    this.#sharedLog = new SharedLog(kernel)
    this.#write((state) => {
      for (const [organization, amount] of scenario.balances) topUp(state, organization, amount)
      topUp(state, PAIR.organization, PAIR_BALANCE)
      state.organizations.set(peer(PAIR.consumer), PAIR.organization)
      state.providers.set(peer(PAIR.provider), {
        country: 'DE',
        account: 'acct_pair',
        payableSince: world.epoch,
        feeBps: 2_499,
      })
      for (const plan of scenario.consumers)
        state.organizations.set(peer(plan.name), plan.organization)
      for (const plan of scenario.providers) {
        const payable = plan.attestation !== 'none' && plan.attestation !== 'elsewhere'
        state.providers.set(peer(plan.name), {
          country: plan.country,
          account: `acct_${plan.name}`,
          payableSince: payable ? world.epoch + plan.payableSince : null,
          feeBps: plan.feeBps,
        })
      }
    })
    this.hosts = Array.from({ length: scenario.writers }, () => {
      const clock = { skewMs: 0, driftPpm: 0 }
      return new Host(kernel, { name: 'settlement', clock, epoch: world.epoch })
    })
    this.#logs = this.hosts.map(
      (host, i) => new ReceiptLog(world, host, i, this.#sharedLog, this.disk),
    )
    for (const [i, host] of this.hosts.entries()) {
      host.start(() => {
        this.#releaseLater(host)
        this.#logs[i]?.start()
      })
    }
    for (const { after, kind, downMs } of scenario.settlementCrashes)
      this.hosts[0]?.planCrash(after, kind, downMs)
  }

  /** The process that takes the next call. */
  host(): Host {
    return this.hosts[this.#calls++ % this.hosts.length] as Host
  }

  authorize(host: Host, request: AuthorizationRequest): AuthorizationReply {
    const { organization, consumer, provider, amount, lifetimeMs } = request
    const { state } = this.disk
    if (!state.providers.has(provider)) return { code: 'HANSE_PROVIDER_UNKNOWN' }
    const serial = state.serial + 1n
    const issuedAt = host.now()
    const notAfter = issuedAt + lifetimeMs
    const signed = signRecord(
      CONTEXT,
      spendAuthorization,
      {
        issuer: SETTLEMENT.peerId,
        consumer,
        provider,
        organization,
        limit: amount,
        issuedAt,
        notAfter,
        serial,
      },
      'settlement',
      SETTLEMENT,
    )
    const cid = signed.cid.toString()
    const hold: Transfer = {
      debit: accountId('available', organization),
      credit: accountId('held', organization),
      amount,
      kind: 'hold',
      reference: cid,
    }
    if (!covers(state, [hold])) return { code: 'HANSE_BALANCE_INSUFFICIENT' }
    host.point()
    this.#write((tables) => {
      tables.serial = serial
      tables.authorizations.set(cid, {
        cid,
        serial,
        organization,
        consumer,
        provider,
        limit: amount,
        notAfter,
        spent: 0n,
        released: 0n,
        closed: false,
      })
      postTransfers(tables, [hold])
    })
    this.#world.monitor.money(this.disk.state)
    // The promise may leave the house only now.
    host.point()
    return { signed }
  }

  /** Books the body of `POST /v1/receipts`. */
  receipts(host: Host, body: Uint8Array): SubmissionResult[] {
    const { monitor, kernel } = this.#world
    const context = {
      network: NETWORK,
      settlement: SETTLEMENT.peerId,
      trustedAttestors: [SETTLEMENT.peerId],
      now: host.now(),
      receiptGraceMs: RECEIPT_GRACE_MS,
    }
    const verified = readSubmissions(body).map((item) => {
      try {
        if (item instanceof HanseError) throw item
        return verifySubmission(item, context)
      } catch (error) {
        if (!(error instanceof HanseError)) throw error
        return error
      }
    })
    const claims = verified.flatMap((claim) => (claim instanceof HanseError ? [] : [claim]))
    const plan = new BookingPlan(knownFacts(this.disk.state), context)
    const bookings = claims.map((claim): [Claim, Booking] => [claim, plan.take(claim)])
    if (!covers(this.disk.state, plan.transfers))
      monitor.fail('money', 'a batch takes more from an account than it has')
    host.point()
    const writer = this.hosts.indexOf(host)
    this.#write((tables) => applyPlan(tables, plan, writer))
    monitor.booked(this.disk.state, plan, bookings, host.now())
    this.#logs[writer]?.flush()
    host.point()
    let next = 0
    return verified.map((claim) => {
      if (claim instanceof HanseError) {
        kernel.count(`settlement: refuses ${claim.code}`)
        return { status: 'rejected', by: 'bytes', code: claim.code }
      }
      const booking = bookings[next++]?.[1]
      if (booking === undefined) throw new Error('a claim without a booking')
      const { status } = booking
      kernel.count(`settlement: ${status === 'rejected' ? `rejects ${booking.code}` : status}`)
      return status === 'rejected' ? { status, by: 'books', code: booking.code } : { status }
    })
  }

  /** Settled receipts that are not in the log. */
  unlogged(): number {
    return this.disk.state.log.filter(({ cid }) => !this.#sharedLog.has(cid)).length
  }

  /** Books the body of `POST /v1/statements`. */
  statements(host: Host, body: Uint8Array): StatementResult[] {
    const { monitor, kernel } = this.#world
    const at = host.now()
    const context = { network: NETWORK, now: at, receiptGraceMs: RECEIPT_GRACE_MS }
    const policy = { settlement: SETTLEMENT.peerId, trustedAttestors: [SETTLEMENT.peerId] }
    const plan = new BookingPlan(knownFacts(this.disk.state), policy)
    const taken = readStatements(body).map((item) => {
      try {
        if (item instanceof HanseError) throw item
        const claim = verifyStatement(item, context)
        return { claim, booking: plan.takeStatement(claim) }
      } catch (error) {
        if (!(error instanceof HanseError)) throw error
        return { booking: { status: 'rejected', code: error.code } as const }
      }
    })
    if (!covers(this.disk.state, plan.transfers))
      monitor.fail('money', 'statements take more from an account than it has')
    host.point()
    const writer = this.hosts.indexOf(host)
    this.#write((tables) => applyPlan(tables, plan, writer))
    monitor.stated(
      this.disk.state,
      plan,
      taken.flatMap(({ claim, booking }) => (claim === undefined ? [] : [{ claim, booking }])),
      at,
    )
    this.#logs[writer]?.flush()
    host.point()
    return taken.map(({ booking }) => {
      const { status } = booking
      kernel.count(`statement: ${status === 'rejected' ? `rejected ${booking.code}` : status}`)
      return status === 'rejected' ? { status, code: booking.code } : { status }
    })
  }

  #releaseLater(host: Host): void {
    host.after(RELEASE_MS, () => {
      this.#releaseExpired(host.now() - this.#world.scenario.holdGraceMs)
      this.#releaseLater(host)
    })
  }

  #releaseExpired(before: number): void {
    const expired = [...this.disk.state.authorizations.values()].filter(
      ({ closed, notAfter }) => !closed && notAfter <= before,
    )
    if (expired.length === 0) return
    this.#world.kernel.count('settlement: hold released', expired.length)
    this.#write((state) => {
      for (const { cid } of expired) {
        const row = state.authorizations.get(cid)
        if (row === undefined) continue
        row.closed = true
        row.released = row.limit - row.spent
        if (row.released > 0n) postTransfers(state, [release(row.organization, cid, row.released)])
      }
    })
    this.#world.monitor.money(this.disk.state)
  }

  #write(write: (state: SettlementState) => void): void {
    this.disk.write(write, { sync: true })
  }
}

const release = (organization: string, cid: string, amount: bigint): Transfer => ({
  debit: accountId('held', organization),
  credit: accountId('available', organization),
  amount: picoEuro(amount),
  kind: 'release',
  reference: cid,
})
