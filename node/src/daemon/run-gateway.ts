import { join } from 'node:path'
import { HanseError, type Receipt, type ResidencyPolicy } from '@hanse/protocol'
import { failoverOf } from '../config/groups/answers.ts'
import { routingOf } from '../config/groups/routing.ts'
import type { gatewaySettings } from '../config/schemas.ts'
import type { Settings } from '../config/settings.ts'
import { Authorizer } from '../consumer/authorizer.ts'
import { Consumer, type ConsumerOptions } from '../consumer/consumer.ts'
import { OfferDirectory } from '../consumer/offer-directory.ts'
import { DeletionDesk } from '../deletion/deletion-desk.ts'
import { createGateway } from '../gateway/gateway.ts'
import { openRules, type Rules } from '../gateway/open-rules.ts'
import { openService } from '../gateway/open-service.ts'
import { RequestObserver } from '../gateway/request-observer.ts'
import { serveControl } from '../gateway/serve-control.ts'
import { AuditLog } from '../log/audit-log.ts'
import { refusalsNote, unreachedNote } from '../log/note-refusals.ts'
import { GatewayMetrics, type MetricsServer, serveMetrics } from '../metrics/index.ts'
import { listenFault } from '../network/index.ts'
import type { LawfulBasis } from '../privacy/lawful-basis.ts'
import { RevocationsInDht } from '../settlement/revocations-dht.ts'
import { RevokedAttestations } from '../settlement/revoked-attestations.ts'
import { SettlementProofs } from '../settlement/settlement-proofs.ts'
import { serveStatements } from '../statement/countersign.ts'
import { NodeStore } from '../store/node-store.ts'
import { GatewayTelemetry, openTelemetry } from '../telemetry/index.ts'
import { VERSION } from '../version.ts'
import { openNotes, openOutbox, openSettlement, openTokenizers, residencyPolicy } from './paying.ts'
import { openRulesFeed, rulesHealth } from './rules-feed.ts'
import { clock, type RunningNode, random } from './running.ts'
import { withSpotChecks } from './spot-checks.ts'

export type GatewaySettings = Settings<typeof gatewaySettings>

export interface GatewayDaemon extends AsyncDisposable {
  /** Where it listens, such as `http://127.0.0.1:8787`. */
  readonly url: string
  /** Of /metrics, where it is served. */
  readonly metricsUrl: string | undefined
}

export interface GatewayParts {
  readonly node: RunningNode
  /** EU mode is on, and nobody has stated a lawful basis yet. @returns whether to start anyway */
  readonly onNoBasis: (basis: LawfulBasis) => Promise<boolean>
  readonly onReceipt?: (session: string, receipt: Receipt) => void
}

/**
 * Serves the market as an OpenAI-compatible endpoint, with everything by which its owner watches and rules it.
 *
 * @returns `undefined` when its owner does not want it to start
 * @throws {HanseError} HANSE_CONFIG_INVALID, HANSE_ADDRESS_IN_USE; what settlement says
 */
export async function startGateway(
  settings: GatewaySettings,
  { node, onNoBasis, onReceipt }: GatewayParts,
): Promise<GatewayDaemon | undefined> {
  await using stack = new AsyncDisposableStack()
  const { signer, network, log } = node
  const { network: networkName, dataDir, euAudit } = settings
  const store = stack.use(new NodeStore(join(dataDir, 'node.db')))
  store.endAbandoned(clock())
  const identity = { network: networkName, peerId: network.peerId }
  const audit = euAudit
    ? stack.use(await AuditLog.open(dataDir, identity, { store, log, now: clock, random }))
    : undefined
  const note: Parameters<typeof openRules>[1]['note'] = (event) => audit?.note(event)
  const rules = stack.use(openRules(settings, { store, euAudit, note, now: clock, random, log }))
  checkDoor(settings, rules)
  const { basis } = rules
  if (basis !== undefined && basis.state().standing === undefined && !(await onNoBasis(basis)))
    return undefined
  stack.use(await serveControl(rules.control, node, settings))
  const context = { network: networkName, signer }
  const settlement = openSettlement(settings, signer)
  const residency = await residencyPolicy(settings, settlement, log)
  const { trustedAttestors: _whom, ...place } = residency
  audit?.notePolicy(place)
  const feed = await openRulesFeed(settings, rules.organization, { peerId: network.peerId, log })
  if (feed !== undefined) stack.use(feed)
  const notes = openNotes(settings, store, settlement, log)
  if (notes !== undefined) stack.use(notes)
  // Closed before the notes are: what settlement acknowledges then is told yet.
  const outbox = settlement && stack.use(openOutbox(store, settlement, log))
  const dht = new RevocationsInDht(network, context)
  const attestors = residency.trustedAttestors
  const revoked =
    settlement && stack.use(new RevokedAttestations({ context, settlement, dht, attestors, log }))
  revoked?.start()
  const deletions =
    settlement &&
    stack.use(
      new DeletionDesk({
        context,
        side: 'consumer',
        store: store.deletions,
        audit,
        settlement,
        log,
        now: clock,
        random: Math.random,
      }),
    )
  deletions?.start()
  const isRevoked = (cid: string): boolean => revoked?.has(cid) === true
  const tokenizers = stack.use(await openTokenizers(settings.tokenizers))
  const noteRefused = refusalsNote(audit, { log, now: clock })
  const consumer = stack.use(
    new Consumer({
      networkName,
      signer,
      network,
      store,
      directory: new OfferDirectory({
        network,
        context,
        now: clock,
        isRevoked,
        onUnreached: unreachedNote(noteRefused, place),
      }),
      isRevoked,
      onRefused: noteRefused,
      authorizer: new Authorizer({
        context,
        store,
        source: settlement,
        amount: settings.authorizationAmount,
        now: clock,
      }),
      settings: consumerSettings(settings, residency),
      measurements: store.measurements,
      tokenizers: tokenizers.all,
      now: clock,
      random,
      onEnd: ({ session }) => audit?.record(session),
      onFailover: ({ from, to, reason, method, deliveredTokens }) => {
        const parts = { from: from.session, to: to.session, provider: to.provider }
        log.warn({ ...parts, reason, method, deliveredTokens }, 'an answer goes on elsewhere')
      },
      onReceipt: (session, receipt) => {
        onReceipt?.(session, receipt)
        if (receipt.final !== null) setImmediate(() => void outbox?.flush())
      },
    }),
  )
  const account = () => rules.ownAccount('spot-check')
  const checked = stack.use(
    withSpotChecks(settings, { networkName, signer, store, consumer, account, log }),
  )
  await serveStatements(network, { context, store: store.statements, now: clock, log })
  const telemetry = await openTelemetry(settings, {
    service: 'hanse-gateway',
    version: VERSION,
    peerId: network.peerId,
  })
  if (telemetry !== undefined) stack.use(telemetry)
  const metrics = settings.metricsPort === undefined ? undefined : new GatewayMetrics()
  const app = await createGateway({
    ...openService(checked, settings, clock),
    gate: rules.gate,
    onlyLocal: isLoopback(settings.host),
    rules: { ...rules, spend: store.spend, now: clock },
    writer: { keepAliveMs: settings.keepAliveMs, headAfterMs: settings.headAfterMs },
    observer: new RequestObserver(metrics, telemetry && new GatewayTelemetry(telemetry)),
    consumer,
    store,
    networkName,
    proofs: settlement && new SettlementProofs({ context, store, settlement, log }),
    policy: { allow: residency.allow, minLevel: residency.minLevel },
    now: clock,
    log,
    auditLog: audit?.store,
    health: () => ({
      peerId: network.peerId,
      connections: network.connectionCount,
      ...(rules.organization && { rules: rulesHealth(rules.organization) }),
    }),
  })
  stack.defer(async () => await app.close())
  const served = metrics && stack.use(await openMetrics(settings, metrics, node, store))
  const { host, port } = settings
  const url = await app.listen({ host, port }).catch((error: unknown) => {
    throw listenFault(error, '--port', `${host}:${port}`)
  })
  rules.retention?.start()
  const opened = stack.move()
  return {
    url,
    metricsUrl: served?.url,
    [Symbol.asyncDispose]: async () => await opened.disposeAsync(),
  }
}

/** @throws {HanseError} HANSE_CONFIG_INVALID when anybody could come in, or the settings contradict each other */
function checkDoor({ host, apiKey, anonymous }: GatewaySettings, { book }: Rules): void {
  if (apiKey !== undefined && anonymous === 'on')
    throw new HanseError('HANSE_CONFIG_INVALID', '--anonymous on and HANSE_API_KEY: choose one')
  const isClosed = apiKey !== undefined || anonymous === 'off'
  if (isLoopback(host) || isClosed || (book.isUsed && anonymous === 'auto')) return
  throw new HanseError(
    'HANSE_CONFIG_INVALID',
    `on ${host} anybody could spend your money: set HANSE_API_KEY, or make keys with \`hanse gateway keys create\``,
  )
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

function consumerSettings(
  settings: GatewaySettings,
  residency: ResidencyPolicy,
): ConsumerOptions['settings'] {
  return {
    residency,
    maxInputPrice: settings.maxInputPrice,
    maxOutputPrice: settings.maxOutputPrice,
    receiptEvery: BigInt(settings.receiptEvery),
    creditWindowMax: settings.creditWindow,
    deadlineMs: settings.deadlineMs,
    keepRequests: settings.keepRequests,
    routing: routingOf(settings),
    failover: failoverOf(settings),
  }
}

async function openMetrics(
  { metricsPort: port = 0, metricsHost: host }: GatewaySettings,
  metrics: GatewayMetrics,
  { network, log }: RunningNode,
  store: NodeStore,
): Promise<MetricsServer> {
  return await serveMetrics({
    host,
    port,
    log,
    probe: {
      render: async () =>
        await metrics.render({
          connections: network.connectionCount,
          unsettled: store.outbox().length,
        }),
      // A gateway that knows nobody can ask nobody.
      missing: async () => (network.connectionCount === 0 ? ['no peer is connected'] : []),
    },
  })
}
