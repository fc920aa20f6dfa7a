import { type Offer, picoEuro } from '@hanse/protocol'
import type { providerSettings } from '../config/schemas.ts'
import type { Settings } from '../config/settings.ts'
import { clock } from '../daemon/running.ts'
import type { ReachabilityReport } from '../network/index.ts'
import type { ProviderStatus } from '../provider/status.ts'
import { VERSION } from '../version.ts'
import { probeEngine } from './gather/engine.ts'
import type { EngineBeside } from './gather/engine-beside.ts'
import { signerIn } from './gather/identity.ts'
import { probeMachine } from './gather/machine.ts'
import { probeSettlement, readHttpClock } from './gather/settlement.ts'
import { lookAsStranger } from './gather/stranger.ts'
import type {
  ClockReading,
  EngineProbe,
  ProviderFacts,
  ProviderTerms,
  SettlementProbe,
} from './provider-facts.ts'

export interface ProviderLook {
  readonly settings: Settings<typeof providerSettings>
  /** Asks the daemon; `undefined` when none answers. */
  readonly fetchStatus: () => Promise<ProviderStatus | undefined>
  /** Has the daemon ask peers to dial it; `undefined` when it does not say. */
  readonly fetchReachability: () => Promise<ReachabilityReport | undefined>
  /** The engines that can be asked beside the daemon. */
  readonly openEngines: () => Promise<readonly EngineBeside[]>
  /** Whether engines are sent a short request: those near, all, or none. */
  readonly testRequest: 'near' | 'all' | 'none'
  /** Whether to look at the network at all. */
  readonly offline: boolean
  /** The newest release that is known of. */
  readonly latestVersion: string | undefined
}

/** Everything that can be found out about a provider from here. Changes nothing. */
export async function gatherProvider(look: ProviderLook): Promise<ProviderFacts> {
  const { settings, fetchStatus, fetchReachability, offline, latestVersion } = look
  const [status, signer] = await Promise.all([fetchStatus(), signerIn(settings.dataDir)])
  const settlementUrl = status?.settlement?.url ?? settings.settlementUrl
  const peerId = status?.peerId ?? signer?.peerId
  const [stranger, dialBack, settlement, httpClock, engines, machine] = await Promise.all([
    offline ? undefined : lookAsStranger(settings, peerId, status),
    offline || status === undefined ? undefined : fetchReachability(),
    offline ? undefined : settlementOf(settings, settlementUrl),
    offline || settlementUrl === undefined
      ? undefined
      : readHttpClock(`${settlementUrl}/healthz`, 'settlement', clock),
    enginesOf(look, status),
    probeMachine(settings.dataDir),
  ])
  return {
    // After the looks: what they fetched is not older than this.
    now: clock(),
    terms: termsOf(settings, status, stranger?.view.offer?.offer),
    peerId,
    status,
    stranger: stranger?.view,
    dialBack,
    clocks: [
      ...(stranger?.clocks ?? []),
      ...(httpClock === undefined ? [] : [httpClock]),
      ...clocksOf(dialBack),
    ],
    settlement,
    engines,
    machine,
    version: VERSION,
    latestVersion,
  }
}

/** As the daemon runs, where it tells: it may have been started with flags that this command does not know. */
/** What a peer adds to this clock to have its own is how far this one is behind. */
function clocksOf(report: ReachabilityReport | undefined): readonly ClockReading[] {
  return (report?.peers ?? []).flatMap(({ peerId, clockOffsetMs }) =>
    clockOffsetMs === undefined
      ? []
      : [{ source: `peer …${peerId.slice(-8)}`, offsetMs: -clockOffsetMs }],
  )
}

function termsOf(
  settings: ProviderLook['settings'],
  status: ProviderStatus | undefined,
  offer: Offer | undefined,
): ProviderTerms {
  const { network, listen, bootstrap, minAuthorization, unsecuredCredit } = settings
  return {
    network,
    listen,
    bootstrap,
    country: status?.country ?? offer?.country ?? settings.country,
    minAuthorization: picoEuro(offer?.minAuthorization ?? minAuthorization),
    unsecuredCredit: picoEuro(offer?.unsecuredCredit ?? unsecuredCredit),
    settlementUrl: status === undefined ? settings.settlementUrl : status.settlement?.url,
  }
}

async function settlementOf(
  { network, dataDir }: ProviderLook['settings'],
  url: string | undefined,
): Promise<SettlementProbe | undefined> {
  const signer = await signerIn(dataDir)
  if (url === undefined || signer === undefined) return undefined
  return await probeSettlement({ url, network, signer, now: clock })
}

async function enginesOf(
  { openEngines, testRequest }: ProviderLook,
  status: ProviderStatus | undefined,
): Promise<readonly EngineProbe[]> {
  const beside = await openEngines()
  return await Promise.all(
    beside.map(async ({ engine: opened, near }) => {
      await using engine = opened
      const model = status?.models.find((one) => one.engine === engine.name)?.engineModel
      const request = testRequest === 'all' || (testRequest === 'near' && near)
      return await probeEngine(engine, { model, request, now: clock })
    }),
  )
}
