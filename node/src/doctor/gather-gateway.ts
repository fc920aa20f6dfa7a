import type { gatewaySettings } from '../config/schemas.ts'
import type { Settings } from '../config/settings.ts'
import { clock } from '../daemon/running.ts'
import type { GatewayFacts, GatewaySettlementProbe } from './gateway-facts.ts'
import { probeGatewaySettlement } from './gather/gateway-settlement.ts'
import { viewGateway } from './gather/gateway-view.ts'
import { signerIn } from './gather/identity.ts'
import { probeMachine } from './gather/machine.ts'
import { readHttpClock } from './gather/settlement.ts'
import { checkStore } from './gather/store.ts'
import { lookAsStranger } from './gather/stranger.ts'

export interface GatewayLook {
  readonly settings: Settings<typeof gatewaySettings>
  /** Where the gateway is asked; from host and port when not given. */
  readonly gatewayUrl: string | undefined
}

/** Everything that can be found out about a gateway from here. Changes nothing. */
export async function gatherGateway(look: GatewayLook): Promise<GatewayFacts> {
  const { settings } = look
  const url = look.gatewayUrl ?? urlOf(settings)
  const { settlementUrl } = settings
  const [{ view, provider }, stranger, httpClock, machine] = await Promise.all([
    viewGateway(url, settings.apiKey),
    lookAsStranger(settings, undefined),
    settlementUrl === undefined
      ? undefined
      : readHttpClock(`${settlementUrl}/healthz`, 'settlement', clock),
    probeMachine(settings.dataDir),
  ])
  return {
    terms: {
      url,
      host: settings.host,
      hasApiKey: settings.apiKey !== undefined,
      bootstrap: settings.bootstrap,
      residency: settings.residency,
      minLevel: settings.minLevel,
      trusted: settings.trust.length,
      settlementUrl,
      hasSettlementKey: settings.settlementApiKey !== undefined,
      euAudit: settings.euAudit,
      authorizationAmount: settings.authorizationAmount,
    },
    view,
    bootstraps: stranger.view.bootstraps,
    settlement: await settlementOf(settings, provider),
    store: checkStore(settings.dataDir),
    clocks: httpClock === undefined ? stranger.clocks : [...stranger.clocks, httpClock],
    machine,
  }
}

async function settlementOf(
  settings: GatewayLook['settings'],
  provider: string | undefined,
): Promise<GatewaySettlementProbe | undefined> {
  const { settlementUrl: url, settlementApiKey: apiKey, network, dataDir } = settings
  const signer = await signerIn(dataDir)
  if (url === undefined || signer === undefined) return undefined
  return await probeGatewaySettlement({ url, network, signer, apiKey, now: clock }, provider)
}

/** A server on every address answers on loopback too. */
function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  const near = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${near.includes(':') ? `[${near}]` : near}:${port}`
}
