import {
  type AttestationRevocations,
  attestationRevocationSigners,
  attestationRevocations,
  HanseError,
  openSigned,
  type SignedRecord,
  type SigningContext,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { pause } from '../network/pause.ts'
import type { SettlementClient } from './settlement-client.ts'

export interface RevokedAttestationsOptions {
  readonly context: SigningContext
  readonly settlement: Pick<SettlementClient, 'identity' | 'revokedAttestationsSince'>
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>
  /** Between two looks, ms. */
  readonly everyMs?: number
}

/** With what a list lives in caches, half a minute from the operator's word until no prompt leaves for it. */
const EVERY_MS = 20_000
/** Of 190; what is left after as many is read at the next look. */
const LISTS_MAX = 100

/**
 * Which attestations their attestor has taken back, read again and again. Kept in memory: they expire within days, and a
 * node that starts reads them all. While settlement is away the last list holds.
 */
export class RevokedAttestations implements AsyncDisposable {
  readonly #options: RevokedAttestationsOptions
  readonly #revoked = new Set<string>()
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #issuer: string | undefined
  #until = 0n
  #isAway = false

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
    } catch (error) {
      if (this.#stopping.signal.aborted || this.#isAway) return
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
