import { setTimeout as delay } from 'node:timers/promises'
import {
  encodeCanonical,
  findModel,
  type HanseError,
  keysOf,
  OFFER_PROTOCOL,
  type OfferedModel,
  offerKey,
  type PeerId,
  type PicoEuro,
  SESSION_PROTOCOL,
  type Signer,
  signedFields,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { Engine } from '../engine/index.ts'
import type { Network } from '../network/index.ts'
import { encodeOfferValue } from '../network/offer-records.ts'
import { Outbox } from '../settlement/outbox.ts'
import type { ProviderAccount, SettlementClient } from '../settlement/settlement-client.ts'
import { StatementDesk } from '../statement/statement-desk.ts'
import type { NodeStore } from '../store/node-store.ts'
import { AdmissionDesk } from './admission.ts'
import { Capacity } from './capacity.ts'
import { OfferBook, RENEW_MS } from './offer-book.ts'
import { serveSession } from './session-server.ts'

export interface ProviderOptions {
  readonly networkName: string
  readonly signer: Signer
  readonly network: Network
  readonly store: NodeStore
  readonly engine: Engine
  readonly models: readonly { readonly model: OfferedModel; readonly engineModel: string }[]
  readonly country: string
  readonly minAuthorization: PicoEuro
  readonly unsecuredCredit: PicoEuro
  readonly creditWindowMax: PicoEuro
  readonly settlement: SettlementClient | undefined
  readonly drainMs: number
  /** Between Statements, ms; 0 settles every session by its receipt. */
  readonly statementEveryMs: number
  readonly log: FastifyBaseLogger
  readonly now: () => number
  /** A session is over, whatever its end. */
  readonly onSessionEnd?: (session: string) => void
  /** Settlement asks the owner to finish onboarding there. */
  readonly onOnboarding?: (url: string) => void
  /** The offer has changed and is on the market. */
  readonly onLive?: (offer: { readonly cid: string; readonly evidenceLevel: number }) => void
}

/** Sessions of one consumer at a time; its gateway has more than one client. */
const SESSIONS_PER_PEER_MAX = 256
/** How often settlement is asked whether onboarding is done. */
const ACCOUNT_POLL_MS = 2_000
/** Telling twenty peers takes a third of a second; with an empty routing table a query would wait for ever. */
const ANNOUNCE_MS = 15_000
/** How soon announcing is tried again while no peer of the DHT is there. */
const ANNOUNCE_RETRY_MS = 2_000

/** A node that sells inference: keeps its offer on the market and serves sessions. */
export class Provider implements AsyncDisposable {
  readonly #options: ProviderOptions
  readonly #book: OfferBook
  readonly #capacity: Capacity
  readonly #outbox: Outbox | undefined
  readonly #statements: StatementDesk | undefined
  readonly #stopping = new AbortController()
  readonly #sessions = new Set<Promise<void>>()
  #draining = false
  /** Resolved when the offer is no longer the one that was announced. */
  #changed: PromiseWithResolvers<void> | undefined
  #issuer: PeerId | undefined
  #evidenceLevel = 0
  /** Until when, milliseconds since 1970. */
  #evidenceUntil = 0

  private constructor(options: ProviderOptions) {
    const {
      networkName,
      signer,
      network,
      store,
      country,
      minAuthorization,
      unsecuredCredit,
      models,
      now,
      settlement,
    } = options
    this.#options = options
    const offered = models.map(({ model }) => model)
    this.#capacity = new Capacity(new Map(offered.map(({ id, slots }) => [id, slots])))
    this.#book = new OfferBook({
      context: { network: networkName, signer },
      terms: { country, models: offered, gpus: [], minAuthorization, unsecuredCredit },
      addresses: () => network.addresses(),
      freeSlots: (model) => this.#capacity.free(model),
      now,
      keep: (offer, attestations) => store.putOffer(offer, attestations),
    })
    this.#outbox =
      settlement === undefined
        ? undefined
        : new Outbox({
            store,
            now,
            settler: settlement,
            onResult: ({ session }, result) =>
              options.log.info({ session, ...result }, 'settlement answered'),
            onStatement: ({ cid }, result) =>
              options.log.info({ statement: cid, ...result }, 'settlement answered'),
            onFailure: (error) =>
              options.log.warn({ cause: messageOf(error) }, 'settlement is out of reach'),
          })
    this.#statements =
      settlement === undefined || options.statementEveryMs === 0
        ? undefined
        : new StatementDesk({
            context: { network: networkName, signer },
            store: store.statements,
            network,
            everyMs: options.statementEveryMs,
            log: options.log,
            onSettled: () => void this.#outbox?.flush(),
          })
  }

  /** Starts serving and goes on the market; resolves once sessions are taken. */
  static async start(options: ProviderOptions): Promise<Provider> {
    const provider = new Provider(options)
    await provider.#serve()
    void provider.#stayOnMarket()
    if (options.settlement !== undefined) void provider.#bind(options.settlement)
    return provider
  }

  /** Takes no new sessions, lets running ones finish, and leaves the market. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { network, drainMs } = this.#options
    this.#draining = true
    this.#stopping.abort()
    for (const key of keysOf(this.#book.current().value)) await network.cancelProvide(key)
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, drainMs).unref())
    await Promise.race([Promise.allSettled(this.#sessions), timeout])
    await this.#statements?.[Symbol.asyncDispose]()
    await this.#outbox?.[Symbol.asyncDispose]()
  }

  async #serve(): Promise<void> {
    const { network, networkName, signer, store, models, engine, creditWindowMax, now, log } =
      this.#options
    const context = { network: networkName, signer }
    const desk = new AdmissionDesk({
      context,
      store,
      capacity: this.#capacity,
      models: new Map(models.map(({ model, engineModel }) => [model.id, { engine, engineModel }])),
      findOffer: (cid) => this.#book.find(cid),
      pricesOf: (model) => findModel(this.#book.current().value, model),
      evidenceLevel: () => (now() < this.#evidenceUntil ? this.#evidenceLevel : 0),
      isDraining: () => this.#draining,
      trustedIssuers: () => (this.#issuer === undefined ? [] : [this.#issuer]),
      creditWindowMax,
      now,
    })
    await network.handle(OFFER_PROTOCOL, async (frames) => {
      const offer = signedFields(this.#book.current())
      const attestations = this.#book.attestations.map(signedFields)
      frames.write(encodeCanonical({ offer, attestations }))
      await frames.end()
    })
    await network.handle(
      SESSION_PROTOCOL,
      async (frames, remotePeer) => {
        const served = serveSession(frames, {
          context,
          store,
          now,
          stated: this.#statements !== undefined,
          admit: (ordered, prompt) => desk.admit(remotePeer, ordered, prompt),
          onEngineFault: (session, error) =>
            log.warn({ session, code: error.code, cause: causeOf(error) }, error.message),
          onEnd: (session, reason, error) => this.#onEnd(session, reason, error),
        })
        this.#sessions.add(served)
        await served.catch((cause: unknown) =>
          log.error({ cause: messageOf(cause) }, 'session failed'),
        )
        this.#sessions.delete(served)
      },
      { maxInboundStreams: SESSIONS_PER_PEER_MAX },
    )
  }

  #onEnd(session: string, reason: string, error: HanseError | undefined): void {
    const { log } = this.#options
    const facts = {
      session,
      reason,
      ...(error === undefined ? {} : { code: error.code, cause: causeOf(error) }),
    }
    if (reason === 'completed' || reason === 'length') log.info(facts, 'session ended')
    else log.warn(facts, `session ended: ${error?.message ?? reason}`)
    this.#options.onSessionEnd?.(session)
    void this.#outbox?.flush()
  }

  /** Announces the offer: at once when it has changed, again well before it expires, and soon when that failed. */
  async #stayOnMarket(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#changed = Promise.withResolvers()
      const live = await this.#announce()
      await this.#sleep(live ? RENEW_MS : ANNOUNCE_RETRY_MS, this.#changed.promise)
    }
  }

  async #announce(): Promise<boolean> {
    const { network, signer, log, onLive } = this.#options
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ANNOUNCE_MS)])
    try {
      await network.whenConnected(signal)
      const offer = this.#book.current()
      await Promise.all(keysOf(offer.value).map((key) => network.provide(key, { signal })))
      const stored = await network.putValue(offerKey(signer.peerId), encodeOfferValue(offer), {
        signal,
      })
      log.info({ peersTold: stored, offer: offer.cid.toString() }, 'on the market')
      onLive?.({ cid: offer.cid.toString(), evidenceLevel: this.#evidenceLevel })
      return true
    } catch (error) {
      if (!this.#stopping.signal.aborted)
        log.warn({ cause: messageOf(error) }, 'could not announce the offer yet')
      return false
    }
  }

  /** Binds this node to its payout account and waits for the attestation of its location. */
  async #bind(settlement: SettlementClient): Promise<void> {
    const { country, log, onOnboarding } = this.#options
    let asked = false
    while (!this.#stopping.signal.aborted) {
      try {
        this.#issuer ??= await settlement.identity()
        const account: ProviderAccount = asked
          ? await settlement.providerAccount()
          : await settlement.bindProvider(country, this.#issuer)
        if (!asked && account.onboardingUrl !== undefined) onOnboarding?.(account.onboardingUrl)
        asked = true
        if (account.attestation !== undefined) {
          this.#evidenceLevel = account.attestation.value.level
          this.#evidenceUntil = account.attestation.value.notAfter
          this.#book.setAttestations([account.attestation])
          log.info(
            { level: this.#evidenceLevel, payable: account.payable },
            'location attested by settlement',
          )
          this.#changed?.resolve()
          return
        }
      } catch (error) {
        log.warn({ cause: messageOf(error) }, 'not bound to settlement yet')
      }
      await this.#sleep(ACCOUNT_POLL_MS)
    }
  }

  /** Ends early when `wake` resolves, or this provider stops. */
  async #sleep(ms: number, wake?: Promise<void>): Promise<void> {
    const { signal } = this.#stopping
    const pause = delay(ms, undefined, { signal }).catch(() => {})
    await (wake === undefined ? pause : Promise.race([pause, wake]))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function causeOf(error: HanseError): string | undefined {
  return error.cause === undefined ? undefined : messageOf(error.cause)
}
