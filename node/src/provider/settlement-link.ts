import { setTimeout as delay } from 'node:timers/promises'
import type { PeerId } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { ProviderAccount, SettlementClient } from '../settlement/settlement-client.ts'
import type { NodeStore } from '../store/node-store.ts'
import type { SettlementStatus } from './status.ts'

export interface SettlementLinkOptions {
  readonly url: string
  readonly settlement: Pick<SettlementClient, 'identity' | 'bindProvider' | 'providerAccount'>
  readonly store: Pick<NodeStore, 'outbox'>
  readonly country: string
  readonly log: FastifyBaseLogger
  readonly now: () => number
  /** Settlement asks the owner to finish onboarding there. */
  readonly onOnboarding?: ((url: string) => void) | undefined
  /** An attestation of this node's location came, the first or a newer one; or the last one was taken back. */
  readonly onAttested: (attestation: ProviderAccount['attestation']) => void
  /** Settlement has told its fee, for the first time or another one than before. */
  readonly onFee?: (() => void) | undefined
}

/** While onboarding is not done its owner is at the keyboard. */
const POLL_MS = 2_000
/** Once attested: often enough to see an account that can no longer be paid within the hour. */
const WATCH_MS = 10 * 60_000
/** A settlement service that is out of reach is asked again after 2 s, 4 s, … */
const RETRY_MS_MAX = 60_000

/** Binds this node to its payout account, and keeps the attestation of its location fresh. */
export class SettlementLink implements AsyncDisposable {
  readonly #options: SettlementLinkOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #issuer: PeerId | undefined
  #account: ProviderAccount | undefined
  #fault: string | undefined
  #bound = false
  #failures = 0

  constructor(options: SettlementLinkOptions) {
    this.#options = options
  }

  /** Whose authorizations are honoured; `undefined` until settlement was reached. */
  get issuer(): PeerId | undefined {
    return this.#issuer
  }

  /** What settlement keeps of each payment, basis points; 0 until it was reached, before which nobody pays by it. */
  get feeBps(): number {
    return this.#account?.feeBps ?? 0
  }

  start(): void {
    this.#running ??= this.#keep()
  }

  status(): Omit<SettlementStatus, 'revocations'> {
    const outbox = this.#options.store.outbox()
    const refused: Record<string, number> = {}
    for (const { refused: code } of outbox)
      if (code !== undefined) refused[code] = (refused[code] ?? 0) + 1
    return {
      url: this.#options.url,
      reachable: this.#fault === undefined && this.#account !== undefined,
      payable: this.#account?.payable,
      onboardingUrl: this.#account?.onboardingUrl,
      unsettled: outbox.filter((entry) => entry.refused === undefined).length,
      refused,
      message: this.#message(),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#ask()
      const attested = this.#account?.attestation !== undefined
      const failed = Math.min(RETRY_MS_MAX, POLL_MS * 2 ** Math.min(this.#failures - 1, 5))
      const wait = this.#failures > 0 ? failed : attested ? WATCH_MS : POLL_MS
      await delay(wait, undefined, { signal }).catch(() => {})
    }
  }

  async #ask(): Promise<void> {
    const { settlement, country, onOnboarding } = this.#options
    try {
      this.#issuer ??= await settlement.identity()
      const account = this.#bound
        ? await settlement.providerAccount()
        : await settlement.bindProvider(country, this.#issuer)
      if (!this.#bound && account.onboardingUrl !== undefined) onOnboarding?.(account.onboardingUrl)
      this.#bound = true
      const before = this.#account
      this.#account = { ...account, onboardingUrl: account.onboardingUrl ?? before?.onboardingUrl }
      this.#fault = undefined
      this.#failures = 0
      this.#tell(account, before)
    } catch (error) {
      this.#failures++
      this.#fault = error instanceof Error ? error.message : String(error)
      if (!this.#stopping.signal.aborted)
        this.#options.log.warn({ cause: this.#fault }, 'settlement cannot be asked')
    }
  }

  /** What has changed. */
  #tell({ attestation, payable, feeBps }: ProviderAccount, before?: ProviderAccount): void {
    const { log, onAttested, onFee } = this.#options
    if (feeBps !== before?.feeBps) {
      log.info({ feeBps }, 'settlement has told its fee')
      onFee?.()
    }
    if (attestation === undefined && before?.attestation === undefined) return
    if (attestation !== undefined && before?.attestation?.cid.equals(attestation.cid) === true)
      return
    if (attestation === undefined)
      log.warn({ payable }, 'settlement attests this node’s location no more')
    else
      log.info(
        { evidenceLevel: attestation.value.level, payable },
        'location attested by settlement',
      )
    onAttested(attestation)
  }

  #message(): string {
    if (this.#fault !== undefined) return this.#fault
    if (this.#account === undefined) return 'not asked yet'
    if (this.#account.payable) return 'payouts are on'
    return 'finish onboarding, so that payouts can begin'
  }
}
