import { setTimeout as delay } from 'node:timers/promises'
import {
  type DeletionClass,
  type DeletionConfirmation,
  type DeletionReason,
  type DeletionRequest,
  deletionConfirmation,
  deletionRequest,
  HanseError,
  isDeletionComplete,
  type PeerId,
  parseRecordCid,
  type Signer,
  type SigningContext,
  signRecord,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { AuditLog } from '../log/audit-log.ts'
import type { SettlementClient } from '../settlement/settlement-client.ts'
import type { DeletionEntry, DeletionStore } from '../store/deletion-store.ts'
import { acceptRequest } from './accept-request.ts'
import { type HeldSession, judgeSession } from './judge-session.ts'

export interface DeletionDeskOptions {
  readonly context: SigningContext & { readonly signer: Signer }
  readonly side: DeletionRequest['side']
  readonly store: DeletionStore
  /** The node's own log, where it has one. */
  readonly audit: Pick<AuditLog, 'countOf' | 'eraseSessions' | 'eraseSubject'> | undefined
  readonly settlement: Pick<SettlementClient, 'identity' | 'deletionsAfter' | 'confirmDeletion'>
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>
  readonly now: () => number
  /** From 0 to below 1; so that nodes do not all ask at once. */
  readonly random: () => number
  /** Between two looks, ms. */
  readonly everyMs?: number
}

/** There are three weeks to answer, and a signature for settlement to check each time. */
const EVERY_MS = 5 * 60_000
const JITTER = 0.2
/** Of twenty; what is left after as many is read at the next look. */
const PAGES_MAX = 50
/** In one transaction: some ten milliseconds in which nothing else is written. */
const BATCH = 200

/**
 * Erases what settlement asks for, says so, and goes on saying it until settlement has heard. What has to be kept for now is
 * looked at again each time.
 */
export class DeletionDesk implements AsyncDisposable {
  readonly #options: DeletionDeskOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #turn: Promise<void> = Promise.resolve()
  #isAway = false

  constructor(options: DeletionDeskOptions) {
    this.#options = options
  }

  start(): void {
    this.#running ??= this.#keep()
  }

  /** Asks, erases and answers now; never rejects. */
  async poll(): Promise<void> {
    this.#turn = this.#turn.then(async () => await this.#round())
    await this.#turn
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#turn
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping
    const { everyMs = EVERY_MS, random } = this.#options
    while (!signal.aborted) {
      await this.poll()
      const wait = everyMs * (1 - JITTER / 2 + JITTER * random())
      await delay(wait, undefined, { signal, ref: false }).catch(() => {})
    }
  }

  async #round(): Promise<void> {
    const { log } = this.#options
    try {
      // It may be another service by now.
      const issuer = await this.#options.settlement.identity()

      await this.#read(issuer)
      this.#erase(issuer)
      await this.#tell(issuer)
      this.#isAway = false
    } catch (error) {
      if (this.#stopping.signal.aborted || isUnknownThere(error) || this.#isAway) return
      this.#isAway = true
      log.warn(
        { cause: messageOf(error) },
        'requests to erase cannot be read; they are asked for again',
      )
    }
  }

  async #read(issuer: PeerId): Promise<void> {
    const { settlement, store, log } = this.#options
    let after = '0'
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      const { requests, next } = await settlement.deletionsAfter(after)
      for (const signed of requests) {
        try {
          this.#take(issuer, signed)
        } catch (error) {
          if (!(error instanceof HanseError)) throw error
          log.warn({ code: error.code, cause: error.message }, 'a request to erase is not followed')
        }
      }
      if (next === null) return
      after = next
    }
    log.warn(
      { pages: store.all().length },
      'there are more requests to erase; the rest comes later',
    )
  }

  #take(issuer: PeerId, signed: Parameters<typeof acceptRequest>[1]): void {
    const { context, side, store, now } = this.#options
    const expected = { settlement: issuer, node: context.signer.peerId, side, now: now() }
    const request = acceptRequest(context, signed, expected)
    const name = request.cid.toString()
    const known = store.of(name)
    if (known === undefined) store.receive(request, now())
    // It waits for more than it was told, or has lost that, as after a restore: taking it again costs it nothing.
    else if (known.told === known.sequence && known.refused === undefined) store.tellAgain(name)
  }

  #erase(issuer: PeerId): void {
    const { store, log } = this.#options
    for (const entry of store.all()) {
      if (entry.settlement !== issuer || (entry.sequence >= 0 && isFinal(entry))) continue
      const answered = this.#eraseOne(issuer, entry)
      if (answered) log.info({ request: entry.cid }, 'erased what settlement asked for')
    }
    store.scrub()
  }

  /** @returns whether there is something new to say */
  #eraseOne(issuer: PeerId, { cid, signed, sequence, confirmation }: DeletionEntry): boolean {
    const { store, side, now } = this.#options
    if (signed === undefined) return false
    const request = deletionRequest.decode(signed.bytes)
    const kept = new KeptCounts()
    const held = store.sessionsOf(request)
    const going = side === 'provider' ? this.#going(issuer, held, kept) : held
    this.#eraseSessions(cid, going)
    const authorizations = request.authorizations.map(String)
    if (side === 'provider') {
      const peers = store.withoutSessions(request.consumers)
      this.#eraseKeys(cid, peers)
      store.eraseRest(cid, issuer, authorizations, peers, now())
      const releases = store.openReleases(authorizations, now())
      if (releases.count > 0)
        kept.add('releases', { reason: 'open', until: releases.until }, releases.count)
    } else if (held.length > 0) {
      kept.add('sessions', { reason: 'accounting', until: null }, held.length)
    }
    const value = {
      settlement: issuer,
      node: request.node,
      side,
      request: parseRecordCid(cid),
      sequence: sequence + 1,
      erased: sorted(Object.entries(store.erased(cid)) as [DeletionClass, number][]),
      kept: kept.list(),
      at: now(),
    }
    if (confirmation !== undefined && saysTheSame(confirmation.bytes, value)) return false
    const { context } = this.#options
    const { bytes, signatures } = signRecord(
      context,
      deletionConfirmation,
      value,
      side,
      context.signer,
    )
    store.confirm(cid, value.sequence, { bytes, signatures })
    return true
  }

  /** Those of a provider's sessions that may go; of the others it is counted why not. */
  #going(issuer: PeerId, held: readonly HeldSession[], kept: KeptCounts): HeldSession[] {
    const { store, now } = this.#options
    const terms = new Map<string, ReturnType<DeletionStore['termsOf']>>()
    return held.filter((one) => {
      const { authorization } = one
      if (authorization !== undefined && !terms.has(authorization))
        terms.set(authorization, store.termsOf(authorization))
      const known = authorization === undefined ? undefined : terms.get(authorization)
      const verdict = judgeSession(issuer, one, known, now())
      if (verdict === 'erased') return true
      kept.add('sessions', verdict)
      return false
    })
  }

  /** From the log first, which is another file: what a crash leaves there is erased by the next try. */
  #eraseSessions(cid: string, going: readonly HeldSession[]): void {
    const { store, side, audit } = this.#options
    for (let from = 0; from < going.length; from += BATCH) {
      const sessions = going.slice(from, from + BATCH).map(({ session }) => session)
      if (side === 'consumer') {
        store.eraseBought(cid, sessions)
        continue
      }
      const { entries = 0 } = audit?.countOf(sessions, []) ?? {}
      store.expectLog(cid, { 'log-entries': entries })
      if (entries > 0) audit?.eraseSessions(sessions)
      store.eraseSold(cid, sessions)
    }
  }

  /** What was sealed for these peers cannot be read any more; `eraseRest` adds the count. */
  #eraseKeys(cid: string, peers: readonly string[]): void {
    const { store, audit } = this.#options
    const { keys = 0 } = audit?.countOf([], peers) ?? {}
    if (keys === 0) return
    store.expectLog(cid, { 'log-keys': keys })
    for (const peer of peers) audit?.eraseSubject(peer)
  }

  async #tell(issuer: PeerId): Promise<void> {
    const { settlement, store, log } = this.#options
    for (const entry of store.untold(issuer)) {
      const { cid, sequence, confirmation } = entry
      if (confirmation === undefined) continue
      try {
        await settlement.confirmDeletion(confirmation)
        store.told(cid, sequence, isFinal(entry))
      } catch (error) {
        const code = error instanceof HanseError ? error.code : undefined
        if (code === undefined || code === 'HANSE_SETTLEMENT_UNAVAILABLE') throw error
        log.warn({ request: cid, code }, 'settlement does not take a confirmation')
        store.refused(cid, code)
      }
    }
  }
}

/** Whether nothing that is kept will go by itself, now or on some day. */
function isFinal({ confirmation }: DeletionEntry): boolean {
  if (confirmation === undefined) return false
  const { kept } = deletionConfirmation.decode(confirmation.bytes)
  return isDeletionComplete({ kept }) && kept.every(({ until }) => until === null)
}

/** But for its number and its time. */
function saysTheSame(bytes: Uint8Array, next: DeletionConfirmation): boolean {
  const { sequence, at } = deletionConfirmation.decode(bytes)
  const again = deletionConfirmation.encode({ ...next, sequence, at })
  return again.length === bytes.length && again.every((byte, i) => byte === bytes[i])
}

/** What is kept, by class and reason; the latest time of each. */
class KeptCounts {
  readonly #counts = new Map<string, DeletionConfirmation['kept'][number]>()

  add(
    name: DeletionClass,
    { reason, until }: { readonly reason: DeletionReason; readonly until: number | null },
    count = 1,
  ): void {
    const key = `${name} ${reason}`
    const known = this.#counts.get(key)
    this.#counts.set(key, {
      class: name,
      reason,
      count: (known?.count ?? 0n) + BigInt(count),
      until: later(known?.until ?? null, until),
    })
  }

  list(): DeletionConfirmation['kept'] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
  }
}

const later = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.max(one, other)

const sorted = (counts: readonly [DeletionClass, number][]): DeletionConfirmation['erased'] =>
  counts
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => ({ class: name, count: BigInt(count) }))

/** A settlement without EU mode has no such route, one of an older release neither. */
const isUnknownThere = (error: unknown): boolean =>
  error instanceof HanseError && error.code === 'HANSE_NOT_FOUND'

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
