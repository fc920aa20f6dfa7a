import { join } from 'node:path'
import { parseCheckpoint, type Signer } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { type App, createApp } from './api/app.ts'
import { shippedCountries } from './attestations/country-of-address.ts'
import type { PublishedLandmark } from './attestations/landmarks.ts'
import { backupsFolder } from './backup/new-backup.ts'
import { keepVault, readVault, vaultFolder } from './backup/vault.ts'
import { rememberForecasts } from './budgets/remember-forecasts.ts'
import { DEFAULT_COMPLIANCE } from './compliance/compliance-terms.ts'
import { installationFacts } from './compliance/installation-facts.ts'
import type { DataProtection } from './config/data-protection.ts'
import { DEFAULT_TERMS, type SettlementContext, type SettlementTerms } from './context.ts'
import type { PlatformFeed } from './costs/feed-store.ts'
import { openStore, type SettlementStore } from './db/store.ts'
import { type SellerSetting, sellerOf } from './documents/seller.ts'
import { forecastSpend } from './forecast/spend-forecast.ts'
import { type Ingest, openIngest } from './ingest/ingest-service.ts'
import type { RoomLimits } from './ingest/room.ts'
import { type Jobs, openJobs } from './jobs/jobs.ts'
import { jobsOf } from './jobs/registry.ts'
import { SettlementLog } from './log/settlement-log.ts'
import type { WitnessAddress } from './log/witness-feed.ts'
import { type SmtpOptions, smtpMailer } from './notifications/smtp-mailer.ts'
import type { Metrics } from './operations/metrics.ts'
import { Operations } from './operations/operations.ts'
import type { PressureLimits } from './operations/pressure.ts'
import { reachable } from './operations/reachable.ts'
import { watchHistory } from './operations/watch-history.ts'
import { developmentMailer } from './people/development-mailer.ts'
import type { RetentionPeriods } from './retention/periods.ts'
import { replayErasures } from './rights/replay-erasures.ts'
import { loadSecret, loadSigner } from './secrets.ts'
import {
  openStripePayments,
  type Payments,
  type StripeCall,
  type StripeDouble,
  startStripeDouble,
} from './stripe/index.ts'
import { claimStripe } from './stripe-identity/claim-stripe.ts'
import { viesChecker } from './tax/index.ts'

export interface SettlementOptions {
  /** Keys, secrets, the embedded database and the state of the Stripe double. */
  readonly dataDir: string
  /** A PostgreSQL server instead of the embedded database. */
  readonly databaseUrl?: string
  /** The name in every signature. */
  readonly network: string
  readonly host?: string
  /** 0 takes any free port. */
  readonly port?: number
  /** How the outside reaches this service, where that is not the address it listens on. */
  readonly publicUrl?: string
  /** Without it, made once and kept in the data directory. */
  readonly operatorToken?: string
  /** Without it, the double runs in this process. */
  readonly stripe?: { readonly secretKey: string; readonly webhookSecret: string }
  /** A double that runs elsewhere, instead of Stripe and of a double in this process. */
  readonly stripeUrl?: string
  readonly stripeDoublePort?: number
  readonly terms?: Partial<SettlementTerms>
  /** What a scraper of metrics sends; without it, made once and kept in the data directory. */
  readonly metricsToken?: string
  readonly pressure?: Partial<PressureLimits>
  /** Addresses or networks, with commas between them, of proxies that say who is behind them. */
  readonly trustedProxies?: string
  /** How long it goes on answering while `/readyz` says that it stops, so that balancers notice. */
  readonly shutdownDelayMs?: number
  /** Threads that verify receipts; with 0 it is done in this one. */
  readonly verifyThreads?: number
  /** How much of what is submitted may be under way at once. */
  readonly ingestLimits?: RoomLimits
  /** Who sells, for VAT and invoices; without it no VAT is charged, and documents are tests. */
  readonly seller?: SellerSetting
  /** Where VAT ids are looked up instead of at the Commission. */
  readonly viesUrl?: string
  /** The origin of the website, where it is not the service's own. */
  readonly webOrigin?: string
  /** What the transparency log is called, for ever. */
  readonly logOrigin?: string
  readonly witnesses?: readonly WitnessAddress[]
  /** Rate cards of the platform that are fetched on a schedule. */
  readonly rateCardFeeds?: readonly PlatformFeed[]
  /** Who measures providers, and is believed. */
  readonly landmarks?: readonly PublishedLandmark[]
  /** How mail is sent; without it, none is. */
  readonly smtp?: SmtpOptions
  /** TXT records of a name, by which domains are proven; DNS is asked where it is not given. */
  readonly resolveTxt?: SettlementContext['resolveTxt']
  /** Whether webhooks may go to private networks and to this machine. */
  readonly privateNetworks?: boolean
  /** EU mode; on when not given. */
  readonly euAudit?: boolean
  /** Days by class of data, where they are not the default. */
  readonly retention?: RetentionPeriods
  /** Who answers for data protection, and who else sees data. */
  readonly dataProtection?: DataProtection
  /** How long a provider may be paid before it has said who it is. */
  readonly traderGraceMs?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  readonly logger?: FastifyBaseLogger
}

/** A settlement service that listens. */
export interface Settlement extends AsyncDisposable {
  readonly url: string
  readonly peerId: string
  readonly signer: Signer
  readonly operatorToken: string
  readonly store: SettlementStore
  readonly payments: Payments
  readonly context: SettlementContext
  readonly app: App
  readonly jobs: Jobs
  readonly operations: Operations
  readonly stripeDouble: StripeDouble | undefined
}

/** Of a session that was just settled, the proof is there in a second or two: a timer, for a queue takes longer. */
const LOG_EVERY_MS = 1_000
const STRIPE_URL = 'https://api.stripe.com'
/** Where the double sends its events, whatever address this service has today: the URL is part of its stored queue. */
const WEBHOOK_TARGET = 'http://settlement.invalid/v1/stripe/webhook'

/**
 * Opens the store, Stripe (or its double) and the HTTP API. Disposing stops in the other order and loses nothing.
 *
 * @throws {SettlementError} HANSE_STORE_OWNED, HANSE_STORE_MIGRATION, HANSE_CONFIG_INVALID
 */
export async function openSettlement(options: SettlementOptions): Promise<Settlement> {
  await using stack = new AsyncDisposableStack()
  const { dataDir, network, host = '127.0.0.1', now = Date.now } = options
  const signer = loadSigner(dataDir)
  const operatorToken = options.operatorToken ?? loadSecret(dataDir, 'operator.token')
  const { databaseUrl } = options
  const store = stack.use(
    await openStore(databaseUrl === undefined ? { dataDir } : { databaseUrl }),
  )

  // However the database came back: who was erased is erased before anybody is let in.
  const vault = vaultFolder(dataDir)
  await replayErasures(store, (await readVault(vault)).tombstones, options.euAudit ?? true)
  await keepVault(store, vault)

  await claimStripe(store, options, now())

  let url = ''
  const stripeDouble =
    options.stripe === undefined && options.stripeUrl === undefined
      ? stack.use(await openDouble(options, now, () => url))
      : undefined
  const operations = openOperations(options, stripeDouble)
  const payments = openPayments(options, stripeDouble, now, operations.metrics)
  const log = await SettlementLog.open({
    store,
    network,
    identity: signer,
    key: loadSigner(dataDir, 'log.key'),
    defaultOrigin: originOf(options, signer),
    ...(options.logOrigin !== undefined && { origin: options.logOrigin }),
    ...(options.witnesses !== undefined && { witnesses: options.witnesses }),
    now,
    onFailure: (what, err) => options.logger?.error({ err }, `${what}; it is tried again`),
  })
  const context: SettlementContext = {
    log,
    store,
    vault,
    payments,
    signer,
    network,
    now,
    publicUrl: () => options.publicUrl ?? url,
    terms: { ...DEFAULT_TERMS, ...options.terms },
    euAudit: options.euAudit ?? true,
    compliance: {
      retention: options.retention ?? {},
      dataProtection: options.dataProtection ?? null,
      traderGraceMs: options.traderGraceMs ?? DEFAULT_COMPLIANCE.traderGraceMs,
      facts: installationFacts(options),
    },
    ...(options.landmarks !== undefined && { landmarks: options.landmarks }),
    countryOfAddress: shippedCountries(),
    ...(options.rateCardFeeds !== undefined && { rateCardFeeds: options.rateCardFeeds }),
    forecastSpend: rememberForecasts(forecastSpend),
    ...sellerContext(options, signer.peerId, now),
    outpost: { privateNetworks: options.privateNetworks ?? false },
    ...(options.resolveTxt !== undefined && { resolveTxt: options.resolveTxt }),
    ...(options.smtp !== undefined && { mailer: stack.use(smtpMailer(options.smtp)) }),
    ...peopleContext(options),
  }
  const growing = setInterval(() => void log.tick(), LOG_EVERY_MS)
  stack.defer(async () => {
    clearInterval(growing)
    await log.tick()
    await log.settled()
  })
  const ingest = stack.use(openThreads(context, options))
  const jobs = stack.use(await startJobs(context, operations, options))
  tellMetrics(operations, { ingest, jobs, store })
  stack.use(watchHistory(operations, { ingest, store, now }))
  const app = await createApp(context, {
    operatorToken,
    ingest,
    jobs,
    operations,
    backups: backupsFolder(dataDir),
    ...(options.trustedProxies !== undefined && { trustedProxies: options.trustedProxies }),
    ...(options.logger !== undefined && { logger: options.logger }),
  })
  stack.defer(() => app.close())
  stack.defer(() => operations.drain(options.shutdownDelayMs ?? 0))
  await app.listen({ host, port: options.port ?? 0 })
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`

  const opened = stack.move()
  return {
    url,
    peerId: signer.peerId,
    signer,
    operatorToken,
    store,
    payments,
    context,
    app,
    jobs,
    operations,
    stripeDouble,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Links of accounts are written into the log only where no money is real. */
function peopleContext({
  webOrigin,
  stripe,
  logger,
}: SettlementOptions): Pick<SettlementContext, 'webOrigin' | 'developmentMailer'> {
  return {
    ...(webOrigin !== undefined && { webOrigin }),
    ...(stripe === undefined &&
      logger !== undefined && { developmentMailer: developmentMailer(logger) }),
  }
}

/** Our own VAT id goes with each question, so that the answer is evidence. */
function sellerContext(
  { seller, viesUrl }: SettlementOptions,
  peerId: string,
  now: () => number,
): Pick<SettlementContext, 'seller' | 'vatIds'> {
  if (seller === undefined) return {}
  const url = viesUrl === undefined ? {} : { url: viesUrl }
  const vatIds = viesChecker({ requester: seller.vatId, now, ...url })
  return { seller: sellerOf(seller, peerId), vatIds }
}

function openThreads(
  context: SettlementContext,
  { verifyThreads, ingestLimits, databaseUrl, logger }: SettlementOptions,
): Ingest {
  return openIngest({
    context,
    ...(verifyThreads !== undefined && { verifyThreads }),
    ...(ingestLimits !== undefined && { limits: ingestLimits }),
    ...(databaseUrl !== undefined && { databaseUrl }),
    onCrash: (err) =>
      logger?.error({ err }, 'a thread that verifies has ended; another one starts'),
  })
}

function openOperations(
  options: SettlementOptions,
  stripeDouble: StripeDouble | undefined,
): Operations {
  const { dataDir, pressure, stripeUrl } = options
  const stripe = new URL(stripeUrl ?? STRIPE_URL)
  return new Operations({
    metricsToken: options.metricsToken ?? loadSecret(dataDir, 'metrics.token'),
    startedAt: (options.now ?? Date.now)(),
    ...(pressure !== undefined && { limits: pressure }),
    ...(stripeDouble === undefined && {
      stripeReachable: reachable(stripe.hostname, portOf(stripe)),
    }),
  })
}

const portOf = ({ port, protocol }: URL): number =>
  port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port)

function startJobs(
  context: SettlementContext,
  { metrics }: Operations,
  { logger }: SettlementOptions,
): Promise<Jobs> {
  return openJobs(context, jobsOf(context), {
    onRun: (job, outcome, tookMs) => metrics.jobRan(job, outcome, tookMs),
    onFailure: (job, fault) => logger?.error({ job, ...fault }, 'a job failed; it is tried again'),
    onError: (err) => logger?.error({ err }, 'the queue of jobs; it is tried again'),
  })
}

function tellMetrics(
  { metrics }: Operations,
  { ingest, jobs, store }: { ingest: Ingest; jobs: Jobs; store: SettlementStore },
): void {
  metrics.counts(
    'hanse_sessions_total',
    'Sessions of receipts and Statements that were sent to this process, by what became of them.',
    'outcome',
    () => ingest.counts.all,
  )
  metrics.gauge(
    'hanse_ingest_bytes',
    'Bytes of batches that are read, waiting or worked on.',
    async () => ingest.room.bytes,
  )
  metrics.gauge(
    'hanse_jobs_dead',
    'Runs of jobs that were given up after all tries.',
    async () => (await jobs.dead()).length,
  )
  metrics.gauge('hanse_log_entries', 'Entries under the checkpoint of the log.', async () => {
    const head = await store.logHead()
    return head && Number(parseCheckpoint(head.note).size)
  })
}

/** Named after the address under which others know this service, or, where it has none, after its key. */
function originOf({ publicUrl, network }: SettlementOptions, { peerId }: Signer): string {
  return publicUrl === undefined
    ? `hanse/${network}/${peerId.slice(-8)}`
    : `${new URL(publicUrl).host}/log`
}

function openDouble(
  { dataDir, stripeDoublePort }: SettlementOptions,
  now: () => number,
  url: () => string,
): Promise<StripeDouble> {
  return startStripeDouble({
    port: stripeDoublePort ?? 0,
    now,
    statePath: join(dataDir, 'stripe-double.json'),
    webhooks: [{ url: WEBHOOK_TARGET, secret: loadSecret(dataDir, 'webhook.secret') }],
    fetch: (_target, init) => fetch(`${url()}${new URL(WEBHOOK_TARGET).pathname}`, init),
  })
}

function openPayments(
  { stripe, stripeUrl, dataDir }: SettlementOptions,
  double: StripeDouble | undefined,
  now: () => number,
  metrics: Metrics,
): Payments {
  const url = stripeUrl ?? double?.url
  const onCall = (call: StripeCall) => metrics.stripeCalled(call)
  if (url === undefined) {
    return openStripePayments({ secretKey: '', webhookSecret: '', ...stripe, now, onCall })
  }
  const { hostname, protocol } = new URL(url)
  return openStripePayments({
    // The double knows no secrets; the library wants the form of one.
    secretKey: 'sk_test_double',
    webhookSecret: loadSecret(dataDir, 'webhook.secret'),
    host: hostname,
    port: portOf(new URL(url)),
    protocol: protocol === 'http:' ? 'http' : 'https',
    ...stripe,
    now,
    onCall,
  })
}
