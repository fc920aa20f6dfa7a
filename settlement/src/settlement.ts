import { join } from 'node:path'
import type { Signer } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { type App, createApp } from './api/app.ts'
import { releaseExpired } from './authorizations/release-expired.ts'
import { DEFAULT_TERMS, type SettlementContext, type SettlementTerms } from './context.ts'
import { openStore, type SettlementStore } from './db/store.ts'
import { type Ingest, openIngest } from './ingest/ingest-service.ts'
import { SettlementLog } from './log/settlement-log.ts'
import type { WitnessAddress } from './log/witness-feed.ts'
import { loadSecret, loadSigner } from './secrets.ts'
import {
  openStripePayments,
  type Payments,
  type StripeDouble,
  startStripeDouble,
} from './stripe/index.ts'

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
  readonly stripeDoublePort?: number
  readonly terms?: Partial<SettlementTerms>
  /** Threads that verify receipts; with 0 it is done in this one. */
  readonly verifyThreads?: number
  /** What the transparency log is called, for ever. */
  readonly logOrigin?: string
  readonly witnesses?: readonly WitnessAddress[]
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
  readonly stripeDouble: StripeDouble | undefined
}

/** Expired holds go back within a minute of their time. */
const RELEASE_EVERY_MS = 60_000
/** Of a session that was just settled, the proof is there in a second or two. */
const LOG_EVERY_MS = 1_000
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

  let url = ''
  const stripeDouble =
    options.stripe === undefined ? stack.use(await openDouble(options, now, () => url)) : undefined
  const payments = openPayments(options, stripeDouble, now)
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
    payments,
    signer,
    network,
    now,
    publicUrl: () => options.publicUrl ?? url,
    terms: { ...DEFAULT_TERMS, ...options.terms },
  }
  const ingest = stack.use(openThreads(context, options))
  const app = await createApp(context, {
    operatorToken,
    ingest,
    ...(options.logger !== undefined && { logger: options.logger }),
  })
  stack.defer(() => app.close())
  await app.listen({ host, port: options.port ?? 0 })
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`

  let releasing: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    releasing = releaseExpired(context).catch((err: unknown) =>
      options.logger?.error({ err }, 'expired holds were not released; the next run tries again'),
    )
  }, RELEASE_EVERY_MS)
  stack.defer(async () => {
    clearInterval(timer)
    await releasing
  })
  const growing = setInterval(() => void log.tick(), LOG_EVERY_MS)
  stack.defer(async () => {
    clearInterval(growing)
    await log.tick()
    await log.settled()
  })
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
    stripeDouble,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function openThreads(
  context: SettlementContext,
  { verifyThreads, databaseUrl, logger }: SettlementOptions,
): Ingest {
  return openIngest({
    context,
    ...(verifyThreads !== undefined && { verifyThreads }),
    ...(databaseUrl !== undefined && { databaseUrl }),
    onCrash: (err) =>
      logger?.error({ err }, 'a thread that verifies has ended; another one starts'),
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
  { stripe, dataDir }: SettlementOptions,
  double: StripeDouble | undefined,
  now: () => number,
): Payments {
  if (double === undefined || stripe !== undefined) {
    return openStripePayments({ secretKey: '', webhookSecret: '', ...stripe, now })
  }
  return openStripePayments({
    // The double knows no secrets; the library wants the form of one.
    secretKey: 'sk_test_double',
    webhookSecret: loadSecret(dataDir, 'webhook.secret'),
    host: '127.0.0.1',
    port: double.port,
    protocol: 'http',
    now,
  })
}
