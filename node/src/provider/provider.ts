import {
  encodeCanonical,
  findModel,
  type HanseError,
  OFFER_PROTOCOL,
  type Offer,
  type OfferedModel,
  type PicoEuro,
  type RegionAttestation,
  SESSION_PROTOCOL,
  type Signer,
  signedFields,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { ProviderStatistics } from '../metrics/provider-statistics.ts'
import type { Network } from '../network/index.ts'
import { Outbox } from '../settlement/outbox.ts'
import type { ProviderAccount, SettlementClient } from '../settlement/settlement-client.ts'
import { StatementDesk } from '../statement/statement-desk.ts'
import type { NodeStore } from '../store/node-store.ts'
import { AdmissionDesk, type ServedModel } from './admission.ts'
import { MarketPresence } from './market-presence.ts'
import { OfferBook } from './offer-book.ts'
import { limitsOf, Scheduler } from './scheduling/index.ts'
import { SessionBoard } from './session-board.ts'
import { SessionServer } from './session-server.ts'
import { SettlementLink } from './settlement-link.ts'
import type { LiveOffer } from './status.ts'

/** A model on offer, and what runs it. */
export interface ModelOnOffer extends ServedModel {
  readonly model: OfferedModel
}

export interface ProviderOptions {
  readonly networkName: string
  readonly signer: Signer
  readonly network: Network
  readonly store: NodeStore
  readonly models: readonly ModelOnOffer[]
  readonly gpus?: Offer['gpus']
  readonly country: string
  readonly minAuthorization: PicoEuro
  readonly unsecuredCredit: PicoEuro
  readonly creditWindowMax: PicoEuro
  readonly settlement: { readonly url: string; readonly client: SettlementClient } | undefined
  /** How long running answers may take to finish when this provider stops, ms. */
  readonly drainMs: number
  /** Between Statements, ms; 0 settles every session by its receipt. */
  readonly statementEveryMs: number
  readonly log: FastifyBaseLogger
  readonly now: () => number
  readonly statistics: ProviderStatistics
  /** A session is over, whatever its end. */
  readonly onSessionEnd?: (session: string) => void
  /** Settlement asks the owner to finish onboarding there. */
  readonly onOnboarding?: (url: string) => void
  /** The offer has changed and is on the market. */
  readonly onLive?: (offer: LiveOffer & { readonly evidenceLevel: number }) => void
}

/** Sessions of one consumer at a time; its gateway has more than one client. */
const SESSIONS_PER_PEER_MAX = 256
/** After its time is up an answer ends with a receipt; the consumer's countersignature takes a round trip. */
const CUT_MS = 2_000

/** A node that sells inference: keeps its offer on the market and serves sessions. */
export class Provider implements AsyncDisposable {
  readonly #options: ProviderOptions
  readonly #book: OfferBook
  readonly #scheduler: Scheduler
  readonly #board: SessionBoard
  readonly #presence: MarketPresence
  readonly #link: SettlementLink | undefined
  readonly #outbox: Outbox | undefined
  readonly #statements: StatementDesk | undefined
  readonly #sessions = new Set<SessionServer>()
  #draining = false
  #attestation: RegionAttestation | undefined

  private constructor(options: ProviderOptions) {
    const { networkName, signer, network, store, models, now, settlement, log } = options
    this.#options = options
    const offered = models.map(({ model }) => model)
    const limits = new Map(offered.map(({ id, slots }) => [id, limitsOf(slots)]))
    this.#scheduler = new Scheduler({ models: limits, now })
    this.#board = new SessionBoard(options.statistics, now)
    const { country, minAuthorization, unsecuredCredit, gpus = [] } = options
    this.#book = new OfferBook({
      context: { network: networkName, signer },
      terms: { country, models: offered, gpus, minAuthorization, unsecuredCredit },
      addresses: () => network.addresses(),
      freeSlots: (model) => this.#scheduler.free(model),
      now,
      keep: (offer, attestations) => store.putOffer(offer, attestations),
    })
    this.#presence = new MarketPresence({
      network,
      book: this.#book,
      isOpen: () => !this.#draining,
      log,
      now,
      onLive: (live) => options.onLive?.({ ...live, evidenceLevel: this.#evidenceLevel() }),
    })
    if (settlement === undefined) return
    this.#outbox = openOutbox(options, settlement.client)
    this.#statements =
      options.statementEveryMs === 0
        ? undefined
        : new StatementDesk({
            context: { network: networkName, signer },
            store: store.statements,
            network,
            everyMs: options.statementEveryMs,
            log,
            onSettled: () => void this.#outbox?.flush(),
          })
    this.#link = new SettlementLink({
      url: settlement.url,
      settlement: settlement.client,
      store,
      country,
      log,
      now,
      onOnboarding: options.onOnboarding,
      onAttested: (attestation) => this.#onAttested(attestation),
    })
  }

  /** Starts serving and goes on the market; resolves once sessions are taken. */
  static async start(options: ProviderOptions): Promise<Provider> {
    const provider = new Provider(options)
    await provider.#serve()
    provider.#presence.start()
    provider.#link?.start()
    return provider
  }

  /** Takes no new sessions, lets running ones finish, and leaves the market. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#draining = true
    const leaving = this.#presence[Symbol.asyncDispose]()
    await this.#finishSessions()
    await leaving
    await this.#link?.[Symbol.asyncDispose]()
    await this.#statements?.[Symbol.asyncDispose]()
    await this.#outbox?.[Symbol.asyncDispose]()
  }

  /** Answers that have begun may end; what is left after the time allowed ends with a receipt for what was delivered. */
  async #finishSessions(): Promise<void> {
    for (const session of this.#sessions) session.drain()
    await this.#untilEnded(this.#options.drainMs)
    for (const session of this.#sessions) session.cut()
    await this.#untilEnded(CUT_MS)
  }

  async #untilEnded(ms: number): Promise<void> {
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, ms).unref())
    await Promise.race([Promise.all([...this.#sessions].map(({ ended }) => ended)), timeout])
  }

  async #serve(): Promise<void> {
    const { network } = this.#options
    const desk = this.#openDesk()
    await network.handle(OFFER_PROTOCOL, async (frames) => {
      const offer = signedFields(this.#book.current())
      const attestations = this.#book.attestations.map(signedFields)
      frames.write(encodeCanonical({ offer, attestations }))
      await frames.end()
    })
    await network.handle(
      SESSION_PROTOCOL,
      async (frames, remotePeer) => {
        const { networkName, signer, store, now, log } = this.#options
        const server = new SessionServer(frames, {
          context: { network: networkName, signer },
          store,
          now,
          stated: this.#statements !== undefined,
          trace: this.#board.begin(),
          admit: (ordered, prompt, signal) => desk.admit(remotePeer, ordered, prompt, signal),
          onEngineFault: (session, error) =>
            log.warn({ session, code: error.code, cause: causeOf(error) }, error.message),
          onEnd: (session, reason, error) => this.#onEnd(session, reason, error),
        })
        this.#sessions.add(server)
        await server.ended
        this.#sessions.delete(server)
      },
      { maxInboundStreams: SESSIONS_PER_PEER_MAX },
    )
  }

  #openDesk(): AdmissionDesk {
    const { networkName, signer, store, models, creditWindowMax, now } = this.#options
    return new AdmissionDesk({
      context: { network: networkName, signer },
      store,
      scheduler: this.#scheduler,
      models: new Map(models.map((served) => [served.model.id, served])),
      findOffer: (cid) => this.#book.find(cid),
      pricesOf: (model) => findModel(this.#book.current().value, model),
      evidenceLevel: () => this.#evidenceLevel(),
      isDraining: () => this.#draining,
      trustedIssuers: () => (this.#link?.issuer === undefined ? [] : [this.#link.issuer]),
      creditWindowMax,
      now,
    })
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

  #onAttested(attestation: NonNullable<ProviderAccount['attestation']>): void {
    this.#attestation = attestation.value
    this.#book.setAttestations([attestation])
    this.#presence.changed()
  }

  #evidenceLevel(): number {
    const { now } = this.#options
    return this.#attestation !== undefined && now() < this.#attestation.notAfter
      ? this.#attestation.level
      : 0
  }
}

function openOutbox({ store, now, log }: ProviderOptions, settler: SettlementClient): Outbox {
  return new Outbox({
    store,
    now,
    settler,
    onResult: ({ session }, result) => log.info({ session, ...result }, 'settlement answered'),
    onStatement: ({ cid }, result) =>
      log.info({ statement: cid, ...result }, 'settlement answered'),
    onFailure: (error) => log.warn({ cause: messageOf(error) }, 'settlement is out of reach'),
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function causeOf(error: HanseError): string | undefined {
  return error.cause === undefined ? undefined : messageOf(error.cause)
}
