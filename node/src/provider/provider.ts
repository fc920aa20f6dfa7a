import {
  encodeCanonical,
  findModel,
  type HanseError,
  OFFER_PROTOCOL,
  type Offer,
  type OfferedModel,
  type Order,
  type OwnPlace,
  type PicoEuro,
  PROMPT_BYTES_MAX,
  type RegionAttestation,
  SESSION_PROTOCOL,
  type Signer,
  signedFields,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { DeletionDesk } from '../deletion/deletion-desk.ts'
import type { AuditLog } from '../log/audit-log.ts'
import type { ProviderStatistics } from '../metrics/provider-statistics.ts'
import type { Network } from '../network/index.ts'
import { AuthorizationCare } from '../settlement/authorizations/authorization-care.ts'
import { Outbox } from '../settlement/outbox.ts'
import type { ProviderAccount, SettlementClient } from '../settlement/settlement-client.ts'
import { StatementDesk } from '../statement/statement-desk.ts'
import type { NodeStore } from '../store/node-store.ts'
import { AdmissionDesk, type ServedModel } from './admission.ts'
import {
  Availability,
  type AvailabilityGuard,
  type AvailabilityOptions,
  EngineWatch,
} from './availability/index.ts'
import { MarketPresence } from './market-presence.ts'
import { OfferBook, VALID_MS } from './offer-book.ts'
import { type Electricity, PriceBook, type Strategy } from './pricing/index.ts'
import type { ProviderFacts } from './provider-status.ts'
import { ByteBudget } from './scheduling/byte-budget.ts'
import {
  type LimitSettings,
  limitsOf,
  Scheduler,
  type SchedulerOptions,
} from './scheduling/index.ts'
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
  /** The node's own log, from which is erased what settlement asks to be; none without EU mode. */
  readonly audit?: AuditLog | undefined
  /** How long running answers may take to finish when this provider stops, ms. */
  readonly drainMs: number
  /** Without an order for this long what is left of an authorization is given back, ms; 0 never for that. */
  readonly releaseIdleMs?: number
  /** Between Statements, ms; 0 settles every session by its receipt. */
  readonly statementEveryMs: number
  readonly log: FastifyBaseLogger
  readonly now: () => number
  /** From 0 to below 1; so that providers do not all ask at once. */
  readonly random?: () => number
  readonly statistics: ProviderStatistics
  /** Whom to serve first, and how many may wait. */
  readonly scheduling?: SchedulingOptions
  /** By model id; models that are not in it keep the prices of their terms. */
  readonly strategies?: ReadonlyMap<string, Strategy>
  readonly electricity?: Electricity | undefined
  /** When orders are taken; always when not given. */
  readonly availability?: ProviderAvailability | undefined
  /** An order asked for another place than this node can show to be in; its prompt was not taken. */
  readonly onMisplaced?: (order: Order, error: HanseError) => void
  /** A session is over, whatever its end. */
  readonly onSessionEnd?: (session: string) => void
  /** Settlement asks the owner to finish onboarding there. */
  readonly onOnboarding?: (url: string) => void
  /** The offer has changed and is on the market. */
  readonly onLive?: (offer: LiveOffer & { readonly evidenceLevel: number }) => void
}

export type SchedulingOptions = LimitSettings & Omit<SchedulerOptions, 'models' | 'now'>

/** How many answers are being made is for the provider to say. */
export interface ProviderAvailability extends Omit<AvailabilityOptions, 'guard' | 'now'> {
  readonly guard?: Omit<AvailabilityGuard, 'running'> | undefined
}

/** Of prompts that are still coming in: sixteen of the largest, and four of one peer. */
const PROMPT_BYTES_MAX_HELD = 16 * PROMPT_BYTES_MAX
/** How often engines are asked whether they are well; two bad answers in a row take them off the market. */
const ENGINE_WATCH_MS = 10_000
/** Sessions of one consumer at a time; its gateway has more than one client. */
const SESSIONS_PER_PEER_MAX = 256
/** Whoever asks again within a quarter of an hour uses the same authorization; who does not has money held for nothing. */
const RELEASE_IDLE_MS = 15 * 60_000
/** After its time is up an answer ends with a receipt; the consumer's countersignature takes a round trip. */
const CUT_MS = 2_000

/** A node that sells inference: keeps its offer on the market and serves sessions. */
export class Provider implements AsyncDisposable {
  readonly #options: ProviderOptions
  readonly #book: OfferBook
  readonly #scheduler: Scheduler
  readonly #availability: Availability | undefined
  readonly #prices: PriceBook
  readonly #engines: EngineWatch
  #drained: Promise<void> | undefined
  readonly #board: SessionBoard
  readonly #presence: MarketPresence
  readonly #desk: AdmissionDesk
  readonly #link: SettlementLink | undefined
  readonly #authorizations: AuthorizationCare | undefined
  readonly #deletions: DeletionDesk | undefined
  readonly #outbox: Outbox | undefined
  readonly #statements: StatementDesk | undefined
  readonly #sessions = new Set<SessionServer>()
  readonly #prompts = new ByteBudget(PROMPT_BYTES_MAX_HELD, PROMPT_BYTES_MAX_HELD / 4)
  #draining = false
  #attestation: RegionAttestation | undefined

  private constructor(options: ProviderOptions) {
    const { networkName, signer, network, store, models, now, settlement, log } = options
    this.#options = options
    const offered = models.map(({ model }) => model)
    const { scheduling = {}, availability } = options
    const limits = new Map(offered.map(({ id, slots }) => [id, limitsOf(slots, scheduling)]))
    this.#scheduler = new Scheduler({ ...scheduling, models: limits, now })
    this.#availability =
      availability === undefined ? undefined : this.#openAvailability(availability)
    this.#engines = new EngineWatch({
      engines: [...new Set(models.map(({ engine }) => engine))],
      everyMs: ENGINE_WATCH_MS,
      onChange: () => this.#onAvailability(),
    })
    this.#prices = new PriceBook({
      strategies: options.strategies ?? new Map(),
      electricity: options.electricity,
      load: (model) => this.#scheduler.load(model),
      throughput: (model) => this.#scheduler.throughput(model),
      feeBps: () => this.#link?.feeBps ?? 0,
      offerLifeMs: VALID_MS,
      now,
    })
    this.#board = new SessionBoard(options.statistics, now)
    const { country, minAuthorization, unsecuredCredit, gpus = [] } = options
    this.#book = new OfferBook({
      context: { network: networkName, signer },
      terms: { country, models: offered, gpus, minAuthorization, unsecuredCredit },
      addresses: () => network.addresses(),
      freeSlots: (model) => this.#scheduler.free(model),
      pricesOf: (model) => this.#prices.pricesOf(model),
      tokensPerSecond: (model) => this.#scheduler.tokensPerSecond(model),
      isRunnable: (model) => this.#isRunnable(model),
      now,
      keep: (offer, attestations) => store.putOffer(offer, attestations),
    })
    this.#presence = new MarketPresence({
      network,
      networkName,
      book: this.#book,
      isOpen: () => this.#isOpen(),
      log,
      now,
      onLive: (live) => options.onLive?.({ ...live, evidenceLevel: this.#evidenceLevel() }),
    })
    this.#desk = this.#openDesk()
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
      onFee: () => this.#prices.update(),
    })
    this.#deletions = new DeletionDesk({
      context: { network: networkName, signer },
      side: 'provider',
      store: store.deletions,
      audit: options.audit,
      settlement: settlement.client,
      log,
      now,
      random: options.random ?? Math.random,
    })
    this.#authorizations = new AuthorizationCare({
      context: { network: networkName, signer },
      store,
      settlement: settlement.client,
      issuer: () => this.#link?.issuer,
      isConnected: (peer) => network.connectionsTo(peer).length > 0,
      reserved: (authorization) => this.#desk.reservedUnder(authorization),
      idleMs: options.releaseIdleMs ?? RELEASE_IDLE_MS,
      log,
      now,
      random: options.random ?? Math.random,
    })
  }

  /** Starts serving and goes on the market; resolves once sessions are taken. */
  static async start(options: ProviderOptions): Promise<Provider> {
    const provider = new Provider(options)
    await provider.#serve()
    provider.#availability?.onChange(() => provider.#onAvailability())
    provider.#availability?.start()
    provider.#engines.start()
    provider.#prices.onChange(() => provider.#presence.changed())
    provider.#prices.start()
    provider.#presence.start()
    provider.#link?.start()
    provider.#authorizations?.start()
    provider.#deletions?.start()
    return provider
  }

  /** Takes no new orders and leaves the market; running sessions go on. Holds over a restart. */
  async pause(): Promise<void> {
    await this.#setPaused(true)
  }

  /** Undoes `pause`; a schedule or a hot GPU may still hold it back. */
  async resume(): Promise<void> {
    await this.#setPaused(false)
  }

  /** Takes no new sessions, lets running ones finish, and leaves the market. */
  async drain(): Promise<void> {
    this.#drained ??= this.#leave()
    await this.#drained
  }

  facts(): ProviderFacts {
    const { models } = this.#options
    return {
      draining: this.#draining,
      pausedBy: this.#pausedBy(),
      live: this.#presence.live,
      evidenceLevel: this.#evidenceLevel(),
      evidenceUntil: this.#attestation?.notAfter ?? 0,
      models: models.map(({ model, engine, engineModel }) => ({
        id: model.id,
        engine,
        engineModel,
        ...this.#scheduler.load(model.id),
        ...(this.#prices.pricesOf(model.id) ?? model),
        tokensPerSecond: this.#scheduler.tokensPerSecond(model.id),
      })),
      sessions: this.#board.rows(),
      settlement: this.#link && {
        ...this.#link.status(),
        revocations: this.#authorizations?.status(),
      },
    }
  }

  /** Reads revocations and gives back what consumers will not spend, now and not when it is due. */
  async endAuthorizations(): Promise<void> {
    await this.#authorizations?.flush()
  }

  /** Erases what settlement asks for, now and not when it is due. */
  async eraseForOthers(): Promise<void> {
    await this.#deletions?.poll()
  }

  /** Drains, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
    await this.#link?.[Symbol.asyncDispose]()
    await this.#deletions?.[Symbol.asyncDispose]()
    await this.#statements?.[Symbol.asyncDispose]()
    await this.#outbox?.[Symbol.asyncDispose]()
    await this.#authorizations?.[Symbol.asyncDispose]()
  }

  async #setPaused(paused: boolean): Promise<void> {
    if (this.#availability === undefined) throw new Error('this provider cannot be paused')
    await this.#availability.setPaused(paused)
  }

  async #leave(): Promise<void> {
    this.#draining = true
    const leaving = this.#presence[Symbol.asyncDispose]()
    this.#prices[Symbol.dispose]()
    await this.#finishSessions()
    this.#scheduler[Symbol.dispose]()
    await this.#availability?.[Symbol.asyncDispose]()
    await this.#engines[Symbol.asyncDispose]()
    await leaving
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
    await network.handle(OFFER_PROTOCOL, async (frames) => {
      // Who is not on the market has no offer to show.
      if (this.#isOpen()) {
        const offer = signedFields(this.#book.current())
        const attestations = this.#book.attestations.map(signedFields)
        frames.write(encodeCanonical({ offer, attestations }))
      }
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
          holdPrompt: (bytes) => this.#prompts.take(remotePeer, bytes),
          screen: (ordered) => this.#desk.screen(ordered),
          admit: (ordered, prompt, signal) => this.#desk.admit(remotePeer, ordered, prompt, signal),
          onEngineFault: (session, error) => {
            log.warn({ session, code: error.code, cause: causeOf(error) }, error.message)
            this.#engines.wake()
          },
          onEnd: (...end) => this.#onEnd(...end),
        })
        this.#sessions.add(server)
        await server.ended
        this.#sessions.delete(server)
      },
      { maxInboundStreams: SESSIONS_PER_PEER_MAX },
    )
  }

  #openAvailability(options: ProviderAvailability): Availability {
    const { guard, ...rest } = options
    const running = () => this.#scheduler.running
    return new Availability({
      ...rest,
      ...(guard === undefined ? {} : { guard: { ...guard, running } }),
      now: this.#options.now,
    })
  }

  #onAvailability(): void {
    const reasons = this.#pausedBy()
    const down = this.#engines.down()
    this.#options.log.info({ reasons, down }, reasons.length === 0 ? 'taking orders' : 'paused')
    this.#presence.changed()
  }

  #openDesk(): AdmissionDesk {
    const { networkName, signer, store, models, creditWindowMax, now } = this.#options
    return new AdmissionDesk({
      context: { network: networkName, signer },
      store,
      scheduler: this.#scheduler,
      models: new Map(models.map((served) => [served.model.id, served])),
      findOffer: (cid) => this.#book.find(cid),
      pricesOf: (model, offered) =>
        this.#prices.askFor(model, offered) ?? findModel(this.#book.current().value, model),
      paused: () =>
        this.#pausedBy().length === 0
          ? undefined
          : { reopensInMs: this.#availability?.reopensInMs() || undefined },
      place: () => this.#place(),
      onMisplaced: (order, error) => this.#options.onMisplaced?.(order, error),
      isDraining: () => this.#draining,
      trustedIssuers: () => (this.#link?.issuer === undefined ? [] : [this.#link.issuer]),
      creditWindowMax,
      onAuthorized: (authorization) => this.#authorizations?.touch(authorization),
      now,
    })
  }

  #onEnd(
    session: string,
    reason: string,
    error: HanseError | undefined,
    unpaid: PicoEuro | undefined,
  ): void {
    const { log } = this.#options
    const facts = {
      session,
      reason,
      ...(unpaid === undefined ? {} : { unpaid: String(unpaid) }),
      ...(error === undefined ? {} : { code: error.code, cause: causeOf(error) }),
    }
    if (reason === 'completed' || reason === 'length') log.info(facts, 'session ended')
    else log.warn(facts, `session ended: ${error?.message ?? reason}`)
    this.#options.onSessionEnd?.(session)
    void this.#outbox?.flush()
  }

  #onAttested(attestation: ProviderAccount['attestation']): void {
    this.#attestation = attestation?.value
    this.#book.setAttestations(attestation === undefined ? [] : [attestation])
    this.#presence.changed()
  }

  #isOpen(): boolean {
    return !this.#draining && this.#pausedBy().length === 0
  }

  #isRunnable(id: string): boolean {
    const served = this.#options.models.find(({ model }) => model.id === id)
    return served !== undefined && this.#engines.runs(served.engine, served.engineModel)
  }

  /** Why no orders are taken, in words for the owner. */
  #pausedBy(): string[] {
    const { models } = this.#options
    const down = this.#engines.down().map((name) => `the engine ${name} does not answer`)
    const none = !models.some(({ model }) => this.#isRunnable(model.id))
    const broken = none && down.length === 0 ? ['no model can be run'] : []
    return [...(this.#availability?.reasons() ?? []), ...(none ? down : []), ...broken]
  }

  #evidenceLevel(): number {
    return this.#place().evidenceLevel
  }

  /** As far as an attestation says so that is valid now, and of this country; else it is its own word. */
  #place(): OwnPlace {
    const { now, country } = this.#options
    const own = this.#attestation
    if (own === undefined || now() >= own.notAfter || own.country !== country)
      return { country, evidenceLevel: 0 }
    const kinds = new Set(own.evidence.map(({ kind }) => kind))
    return { country, evidenceLevel: own.level, evidenceKinds: kinds }
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
