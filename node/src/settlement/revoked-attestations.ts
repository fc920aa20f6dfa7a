import {
  type AttestationRevocations,
  attestationRevocationSigners,
  attestationRevocations,
  HanseError,
  openSigned,
  REVOKED_ATTESTATIONS_MAX,
  type SignedRecord,
  type SigningContext,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { pause } from '../network/pause.ts'
import type { RevocationsInDht } from './revocations-dht.ts'
import type { SettlementClient } from './settlement-client.ts'

export interface RevokedAttestationsOptions {
  readonly context: SigningContext
  readonly settlement: Pick<SettlementClient, 'identity' | 'revokedAttestationsSince'>
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>
  /** Where lists are kept for others, and found while settlement is away. */
  readonly dht?: Pick<RevocationsInDht, 'find' | 'keep'> | undefined
  /** Whose lists count before settlement was reached for the first time: peer ids. */
  readonly attestors?: readonly string[] | undefined
  /** Between two looks, ms. */
  readonly everyMs?: number
  readonly now?: () => number
}

/** With what a list lives in caches, half a minute from the operator's word until no prompt leaves for it. */
const EVERY_MS = 20_000
/** Of 190; what is left after as many is read at the next look. */
const LISTS_MAX = 100
/** Nodes forget values, and come and go: what was put is looked for again. */
const KEPT_FOR_MS = 30 * 60_000

/**
 * Which attestations their attestor has taken back, read again and again. Kept in memory: they expire within days, and a
 * node that starts reads them all. While settlement is away the last list holds, and what the DHT has is added to it: such a
 * list may be old, so it never takes anything away, and settlement is asked all the same.
 */
export class RevokedAttestations implements AsyncDisposable {
  readonly #options: RevokedAttestationsOptions
  readonly #revoked = new Set<string>()
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #issuer: string | undefined
  #until = 0n
  #isAway = false
  #kept: { readonly until: bigint; readonly at: number } | undefined

  constructor(options: RevokedAttestationsOptions) {
    this.#options = options
  }

  /** @param cid of an attestation */
  has(cid: string): boolean {
    return this.#revoked.has(cid)
  }

  start(): void {
    this.#running ??= this.#keep()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /** Reads what there is now; never rejects. */
  async poll(): Promise<void> {
    const { log } = this.#options
    try {
      await this.#read()
      this.#isAway = false
      await this.#keepForOthers()
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      await this.#addFound()
      if (this.#isAway) return
      this.#isAway = true
      const cause = error instanceof Error ? error.message : String(error)
      log.warn({ cause }, 'revoked attestations cannot be read; the last list holds')
    }
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.poll()
      await pause(this.#options.everyMs ?? EVERY_MS, signal)
    }
  }

  async #read(): Promise<void> {
    const { settlement, log } = this.#options
    this.#issuer ??= await settlement.identity()
    for (let lists = 0; lists < LISTS_MAX; lists++) {
      const { list, more } = await settlement.revokedAttestationsSince(this.#until)
      const { revoked, until } = this.#open(list)
      for (const cid of revoked) this.#revoked.add(cid.toString())
      const isEnd = !more || until === this.#until
      this.#until = until
      if (revoked.length > 0)
        log.info({ attestations: revoked.length }, 'attestations were revoked')
      if (isEnd) return
    }
  }

  /** The newest that one record has room for: those before will have expired. Nothing revoked is no list. */
  async #keepForOthers(): Promise<void> {
    const { settlement, dht, now = Date.now } = this.#options
    const until = this.#until
    const issuer = this.#issuer
    if (dht === undefined || issuer === undefined || until === 0n) return
    if (this.#kept?.until === until && now() - this.#kept.at < KEPT_FOR_MS) return
    const room = BigInt(REVOKED_ATTESTATIONS_MAX)
    const { list } = await settlement.revokedAttestationsSince(until > room ? until - room : 0n)
    const isKept = await dht.keep(issuer, list, this.#stopping.signal)
    if (isKept) this.#kept = { until, at: now() }
  }

  async #addFound(): Promise<void> {
    const { dht, attestors = [], log } = this.#options
    if (dht === undefined) return
    for (const issuer of this.#issuer === undefined ? attestors : [this.#issuer]) {
      const found = await dht.find(issuer, this.#stopping.signal)
      const news = found?.revoked.map(String).filter((cid) => !this.#revoked.has(cid)) ?? []
      for (const cid of news) this.#revoked.add(cid)
      if (news.length > 0)
        log.info({ attestations: news.length }, 'attestations were revoked, as the network has it')
    }
  }

  /** A list of another stretch would hide some. @throws {HanseError} */
  #open(list: SignedRecord): AttestationRevocations {
    const { context } = this.#options
    const { value } = openSigned(
      context,
      attestationRevocations,
      list,
      attestationRevocationSigners,
    )
    if (value.issuer === this.#issuer && value.since === this.#until) return value
    throw new HanseError(
      'HANSE_SETTLEMENT_UNAVAILABLE',
      'settlement’s list of revoked attestations is not the one that was asked for',
    )
  }
}
