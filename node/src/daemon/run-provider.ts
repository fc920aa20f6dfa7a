import { join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import type { providerSettings } from '../config/schemas.ts'
import type { Settings } from '../config/settings.ts'
import { ControlService, serveLocalControl, serveNetworkControl } from '../control/index.ts'
import { AuditLog } from '../log/audit-log.ts'
import { misplacedNote } from '../log/note-refusals.ts'
import {
  GpuMonitor,
  gpusOnOffer,
  type Machine,
  type MachineAccess,
  readGpus,
} from '../machine/index.ts'
import {
  ProviderMetrics,
  ProviderStatistics,
  providerProbe,
  serveMetrics,
} from '../metrics/index.ts'
import { OwnerSwitch, Schedule, WallClock } from '../provider/availability/index.ts'
import { strategiesOf, Tariff } from '../provider/pricing/index.ts'
import { Provider, type ProviderAvailability, type ProviderOptions } from '../provider/provider.ts'
import { ProviderDesk } from '../provider/provider-status.ts'
import { SettlementClient } from '../settlement/settlement-client.ts'
import { NodeStore } from '../store/node-store.ts'
import { openTelemetry, ProviderTelemetry } from '../telemetry/index.ts'
import { VERSION } from '../version.ts'
import type { PricedModel } from './offer-models.ts'
import { ownAmong } from './own-processes.ts'
import { clock, type RunningNode, random } from './running.ts'

export type ProviderSettings = Settings<typeof providerSettings>

export interface ProviderDaemon extends AsyncDisposable {
  readonly provider: Provider
  /** Of /metrics, where it is served. */
  readonly metricsUrl: string | undefined
  /** Resolves when the owner has had it drained. */
  readonly drained: Promise<void>
}

export interface ProviderParts extends Pick<ProviderOptions, 'onOnboarding' | 'onLive'> {
  readonly node: RunningNode
  readonly country: string
  readonly models: readonly PricedModel[]
  readonly machine: Machine
  /** The machine’s own, remembered from when it was looked at. */
  readonly access: MachineAccess
}

/** GPUs are read this often while they are watched; a game shows within half a minute. */
const GPU_READING_MS = 5_000
/** In a row: what lasts a quarter of a minute is no peak. */
const GPU_READINGS = 3

/** Puts models on the market, with everything by which their owner watches and steers it. */
export async function startProvider(
  settings: ProviderSettings,
  { node, country, models, machine, access, onOnboarding, onLive }: ProviderParts,
): Promise<ProviderDaemon> {
  await using stack = new AsyncDisposableStack()
  const { network, signer, log, logs } = node
  const startedAt = clock()
  const store = stack.use(new NodeStore(join(settings.dataDir, 'node.db')))
  const abandoned = store.endAbandoned(startedAt)
  if (abandoned > 0)
    log.warn({ abandoned }, 'sessions were cut by the last stop; their receipts will be settled')
  const audit = settings.euAudit
    ? stack.use(
        await AuditLog.open(
          settings.dataDir,
          { network: settings.network, peerId: network.peerId },
          { store, log, now: clock, random },
        ),
      )
    : undefined
  const metrics = new ProviderMetrics()
  const identity = { service: 'hanse-provider', version: VERSION, peerId: network.peerId }
  const telemetry = await openTelemetry(settings, identity)
  if (telemetry !== undefined) stack.use(telemetry)
  const statistics = new ProviderStatistics({
    now: clock,
    metrics,
    telemetry: telemetry && new ProviderTelemetry(telemetry),
  })
  const monitor = stack.use(
    new GpuMonitor(async () => await readGpus(access), { everyMs: GPU_READING_MS }),
  )
  const readings = async () => (machine.gpus.length === 0 ? [] : (await monitor.sample()).readings)
  const wallClock = new WallClock(settings.timeZone)
  const engines = [...new Set(models.map(({ engine }) => engine))]
  const provider = stack.use(
    await Provider.start({
      networkName: settings.network,
      signer,
      network,
      store,
      models,
      gpus: gpusOnOffer(machine),
      country,
      minAuthorization: settings.minAuthorization,
      unsecuredCredit: settings.unsecuredCredit,
      creditWindowMax: settings.creditWindow,
      settlement: openSettlement(settings, node),
      statementEveryMs: settings.statementEveryMs,
      releaseIdleMs: settings.releaseIdleMs,
      drainMs: settings.drainMs,
      audit,
      log,
      now: clock,
      statistics,
      scheduling: {
        queueMax: settings.queueMax,
        reservedSlots: settings.reservedSlots,
        consumerPlacesMax: settings.consumerPlacesMax,
        machineSlots: settings.machineSlots === 0 ? undefined : settings.machineSlots,
        ownerPeers: settings.ownerPeers,
      },
      strategies: strategies(models, settings),
      electricity: electricity(settings, wallClock, monitor),
      availability: await availability(settings, wallClock, log, {
        gpus: machine.gpus,
        read: readings,
        ownProcesses: async (pids) =>
          await ownAmong(pids, { engines, self: process.pid, procRoot: '/proc' }),
      }),
      onSessionEnd: (session) => audit?.record(session),
      onMisplaced: misplacedNote(audit, country, { log, now: clock }),
      ...(onOnboarding === undefined ? {} : { onOnboarding }),
      ...(onLive === undefined ? {} : { onLive }),
    }),
  )
  const drained = Promise.withResolvers<void>()
  const desk = new ProviderDesk({
    provider,
    network,
    networkName: settings.network,
    country,
    statistics,
    machine,
    readGpus: readings,
    startedAt,
    now: clock,
    onDrained: drained.resolve,
  })
  const service = new ControlService({
    control: desk,
    logs,
    log,
    peerId: network.peerId,
    version: VERSION,
  })
  stack.use(await serveLocalControl(settings.dataDir, service))
  stack.use(await serveNetworkControl(network, service, settings.controlPeers))
  const { metricsPort: port, metricsHost: host } = settings
  const served =
    port === undefined
      ? undefined
      : stack.use(
          await serveMetrics({
            host,
            port,
            log,
            probe: providerProbe(metrics, () => desk.status(), log),
          }),
        )
  const opened = stack.move()
  return {
    provider,
    metricsUrl: served?.url,
    drained: drained.promise,
    [Symbol.asyncDispose]: async () => await opened.disposeAsync(),
  }
}

/** Prices of single models go before those of all. */
function strategies(
  models: readonly PricedModel[],
  settings: ProviderSettings,
): NonNullable<ProviderOptions['strategies']> {
  const offered = models.map(({ model }) => model)
  const names = new Set(offered.flatMap(({ id, aliases }) => [id, ...aliases]))
  const unknown = settings.prices.find(({ model }) => !names.has(model))
  if (unknown !== undefined) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `there is a price for ${unknown.model}, which is not offered; offered are ${offered.map(({ id }) => id).join(', ')}`,
    )
  }
  return new Map(
    offered.flatMap((model) => {
      const own = [model.id, ...model.aliases]
      const prices = settings.prices.filter((override) => own.includes(override.model))
      const { inputPrice, outputPrice } = model
      return [...strategiesOf([model], { ...settings, prices, inputPrice, outputPrice })]
    }),
  )
}

function electricity(
  settings: ProviderSettings,
  wallClock: WallClock,
  monitor: GpuMonitor,
): ProviderOptions['electricity'] {
  const { electricityPrice, watts, marginPercent, expectedTokensPerSecond } = settings
  if (electricityPrice === undefined) return undefined
  return {
    tariff: new Tariff(electricityPrice, wallClock),
    watts: () => watts ?? measuredWatts(monitor),
    marginPercent,
    expectedTokensPerSecond,
  }
}

/** What the GPUs draw; the rest of the machine is not measured, and the owner may know better (`--watts`). */
function measuredWatts(monitor: GpuMonitor): number | undefined {
  const known = monitor.latest?.readings.flatMap(({ powerWatts }) => powerWatts ?? []) ?? []
  return known.length === 0 ? undefined : known.reduce((sum, each) => sum + each, 0)
}

async function availability(
  settings: ProviderSettings,
  wallClock: WallClock,
  log: RunningNode['log'],
  sight: Pick<NonNullable<ProviderAvailability['guard']>, 'gpus' | 'read' | 'ownProcesses'>,
): Promise<ProviderAvailability> {
  const { schedule, pauseAboveGpuBusy, pauseAboveCelsius, pauseAboveOthersVram } = settings
  return {
    owner: await OwnerSwitch.open(join(settings.dataDir, 'pause.json'), clock),
    schedule: schedule === undefined ? undefined : new Schedule(schedule, wallClock),
    guard:
      sight.gpus.length === 0
        ? undefined
        : {
            ...sight,
            everyMs: GPU_READING_MS,
            readings: GPU_READINGS,
            pauseAboveBusy: pauseAboveGpuBusy === 0 ? undefined : pauseAboveGpuBusy / 100,
            pauseAboveCelsius: pauseAboveCelsius === 0 ? undefined : pauseAboveCelsius,
            resumeBelowCelsius: settings.resumeBelowCelsius,
            pauseAboveOthersVram:
              pauseAboveOthersVram === 0 ? undefined : pauseAboveOthersVram / 100,
            onFailure: (error) =>
              log.warn(
                { cause: error instanceof Error ? error.message : '' },
                'GPUs cannot be read',
              ),
          },
  }
}

function openSettlement(
  { settlementUrl: url, network }: ProviderSettings,
  { signer }: RunningNode,
): ProviderOptions['settlement'] {
  if (url === undefined) return undefined
  return { url, client: new SettlementClient({ url, context: { network }, signer, now: clock }) }
}
