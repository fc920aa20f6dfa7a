import { userInfo } from 'node:os'
import { join } from 'node:path'
import { formatEuro, HanseError, type ResidencyPolicy, type Signer } from '@hanse/protocol'
import type { Command } from 'commander'
import type { FastifyBaseLogger } from 'fastify'
import { failoverOf } from '../../config/groups/answers.ts'
import { routingOf } from '../../config/groups/routing.ts'
import { gatewaySettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { Authorizer } from '../../consumer/authorizer.ts'
import { Consumer } from '../../consumer/consumer.ts'
import { OfferDirectory } from '../../consumer/offer-directory.ts'
import { clock, openNode, random, untilStopped } from '../../daemon/running.ts'
import { type ModelTokenizer, openTokenizer } from '../../engine/index.ts'
import { createGateway } from '../../gateway/gateway.ts'
import { openRules, type Rules } from '../../gateway/open-rules.ts'
import { openService } from '../../gateway/open-service.ts'
import { serveControl } from '../../gateway/serve-control.ts'
import { AuditLog } from '../../log/audit-log.ts'
import { listenFault } from '../../network/index.ts'
import { Outbox } from '../../settlement/outbox.ts'
import { SettlementClient } from '../../settlement/settlement-client.ts'
import { SettlementProofs } from '../../settlement/settlement-proofs.ts'
import { askBasis } from '../../setup/ask-basis.ts'
import { serveStatements } from '../../statement/countersign.ts'
import { NodeStore } from '../../store/node-store.ts'
import { type Reporter, reporter } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

type GatewaySettings = Settings<typeof gatewaySettings>

export function gatewayCommand(): Command {
  return settingsCommand(
    'gateway',
    'Run an OpenAI-compatible endpoint that buys inference on the market.',
    gatewaySettings,
    async (settings, _args, flags) => await runGateway(settings, flags.json === true),
  ).option('--json', 'print events as JSON lines')
}

async function runGateway(settings: GatewaySettings, json: boolean): Promise<void> {
  const report = reporter(json)
  await using node = await openNode(settings, { dhtClient: true })
  const { signer, network, log } = node
  using store = new NodeStore(join(settings.dataDir, 'node.db'))
  store.endAbandoned(clock())
  await using audit = settings.euAudit
    ? await AuditLog.open(
        settings.dataDir,
        { network: settings.network, peerId: network.peerId },
        { store, log, now: clock, random },
      )
    : undefined
  await using rules = openRules(settings, {
    store,
    euAudit: settings.euAudit,
    note: (event) => audit?.note(event),
    now: clock,
    random,
    log,
  })
  checkDoor(settings, rules)
  if (!(await hasBasis(rules, report, json))) return
  await using _control = await serveControl(rules.control, node, settings)
  const context = { network: settings.network, signer }
  const settlement = openSettlement(settings, signer)
  const residency = await residencyPolicy(settings, settlement, log)
  await using outbox = settlement === undefined ? undefined : openOutbox(store, settlement, log)
  await using tokenizers = await openTokenizers(settings.tokenizers)
  using consumer = new Consumer({
    networkName: settings.network,
    signer,
    network,
    store,
    directory: new OfferDirectory({ network, context, now: clock }),
    authorizer: new Authorizer({
      context,
      store,
      source: settlement,
      amount: settings.authorizationAmount,
      now: clock,
    }),
    settings: {
      residency,
      maxInputPrice: settings.maxInputPrice,
      maxOutputPrice: settings.maxOutputPrice,
      receiptEvery: BigInt(settings.receiptEvery),
      creditWindowMax: settings.creditWindow,
      deadlineMs: settings.deadlineMs,
      keepRequests: settings.keepRequests,
      routing: routingOf(settings),
      failover: failoverOf(settings),
    },
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
      const { sequence, inputTokens, outputTokens, amount, final } = receipt
      const facts = { session, sequence, inputTokens, outputTokens, amount, final }
      if (json) report('receipt', facts, '')
      log.info(
        { session, sequence: Number(sequence), amount: formatEuro(amount) },
        'receipt countersigned',
      )
      if (final !== null) setImmediate(() => void outbox?.flush())
    },
  })
  await serveStatements(network, { context, store: store.statements, now: clock, log })
  const proofs =
    settlement === undefined ? undefined : new SettlementProofs({ context, store, settlement, log })
  const app = await createGateway({
    ...openService(consumer, settings, clock),
    gate: rules.gate,
    rules: {
      book: rules.book,
      basis: rules.basis,
      retention: rules.retention,
      spend: store.spend,
      now: clock,
    },
    writer: { keepAliveMs: settings.keepAliveMs, headAfterMs: settings.headAfterMs },
    consumer,
    store,
    networkName: settings.network,
    proofs,
    policy: { allow: residency.allow, minLevel: residency.minLevel },
    now: clock,
    log,
    auditLog: audit?.store,
    health: () => ({ peerId: network.peerId, connections: network.connectionCount }),
  })
  try {
    const { host, port } = settings
    const url = await app.listen({ host, port }).catch((error: unknown) => {
      throw listenFault(error, '--port', `${host}:${port}`)
    })
    report(
      'ready',
      { url, peerId: network.peerId },
      `gateway ${network.peerId}\n  OpenAI base URL: ${url}/v1`,
    )
    rules.retention?.start()
    await untilStopped()
  } finally {
    await app.close()
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

/** In EU mode nothing is processed without a lawful basis; whoever sits there is asked for it. @returns whether to go on */
async function hasBasis({ basis }: Rules, report: Reporter, json: boolean): Promise<boolean> {
  if (basis === undefined || basis.state().standing !== undefined) return true
  if (!json && process.stdin.isTTY === true && process.stdout.isTTY === true) {
    const given = await askBasis()
    if (given !== undefined) basis.give(given, userInfo().username)
    return given !== undefined
  }
  report(
    'consent-required',
    {},
    'Requests are refused until a lawful basis is stated: hanse gateway consent give --basis …, or HANSE_LAWFUL_BASIS; HANSE_EU_AUDIT=false at home.',
  )
  return true
}

/** Without attestors of one's own, the settlement service that one pays through is believed. */
async function residencyPolicy(
  { residency, minLevel, trust }: GatewaySettings,
  settlement: SettlementClient | undefined,
  log: FastifyBaseLogger,
): Promise<ResidencyPolicy> {
  if (trust.length > 0) return { allow: [...residency], minLevel, trustedAttestors: trust }
  if (settlement !== undefined) {
    return { allow: [...residency], minLevel, trustedAttestors: [await settlement.identity()] }
  }
  if (minLevel > 1)
    log.warn(
      'no attestor is trusted (--trust, --settlement-url): no provider will satisfy --min-level',
    )
  return { allow: [...residency], minLevel, trustedAttestors: [] }
}

async function openTokenizers(
  paths: readonly string[],
): Promise<AsyncDisposable & { readonly all: readonly ModelTokenizer[] }> {
  const stack = new AsyncDisposableStack()
  const all: ModelTokenizer[] = []
  try {
    for (const path of paths) all.push(stack.use(await openTokenizer(path)))
  } catch (cause) {
    await stack.disposeAsync()
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new HanseError('HANSE_CONFIG_INVALID', `tokenizers: ${message}`, { cause })
  }
  return { all, [Symbol.asyncDispose]: async () => await stack.disposeAsync() }
}

function openSettlement(settings: GatewaySettings, signer: Signer): SettlementClient | undefined {
  const { settlementUrl: url, settlementApiKey: apiKey, network } = settings
  return url === undefined
    ? undefined
    : new SettlementClient({ url, apiKey, context: { network }, signer, now: clock })
}

function openOutbox(
  store: NodeStore,
  settlement: SettlementClient,
  log: FastifyBaseLogger,
): Outbox {
  return new Outbox({
    store,
    now: clock,
    settler: settlement,
    onResult: ({ session }, result) => log.info({ session, ...result }, 'settlement answered'),
    onStatement: ({ cid }, result) =>
      log.info({ statement: cid, ...result }, 'settlement answered'),
    onFailure: (error) =>
      log.warn(
        { cause: error instanceof Error ? error.message : '' },
        'settlement is out of reach',
      ),
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
