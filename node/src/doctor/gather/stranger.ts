import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { browseKey } from '@hanse/protocol'
import type { networkSettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { type FetchedOffer, OfferDirectory } from '../../consumer/offer-directory.ts'
import { clock, openNode } from '../../daemon/running.ts'
import { findTwin, type Network, type Twin } from '../../network/index.ts'
import type { ProviderStatus } from '../../provider/status.ts'
import type { ClockReading, StrangerView } from '../provider-facts.ts'
import { tryBootstrap } from './bootstrap.ts'

/** As a consumer looks; a DHT of a few nodes may need a second look while tables fill. */
const LOOKUP_MS = 5_000
const LOOKS_MAX = 2
const PROVIDERS_MAX = 64
/** A provider signs its offer anew for whoever asks, unless it did so within the last two seconds. */
const OFFER_AGE_MS = 1_000

export interface StrangerReport {
  readonly view: StrangerView
  readonly clocks: readonly ClockReading[]
}

/**
 * Looks at the market with an identity made for this one look, as a consumer would that has never met this provider.
 * It listens nowhere, so it cannot be mistaken for the daemon.
 */
export async function lookAsStranger(
  settings: Settings<typeof networkSettings>,
  peerId: string | undefined,
  daemon?: ProviderStatus,
): Promise<StrangerReport> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-doctor-'))
  try {
    await using node = await openNode(
      { ...settings, dataDir, listen: [], logLevel: 'fatal' },
      { dhtClient: true },
    )
    return await look(node.network, settings, peerId, daemon)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function look(
  network: Network,
  settings: Settings<typeof networkSettings>,
  peerId: string | undefined,
  daemon: ProviderStatus | undefined,
): Promise<StrangerReport> {
  const bootstraps = await Promise.all(
    settings.bootstrap.map((address) => tryBootstrap(network, address)),
  )
  const joined = bootstraps.some((bootstrap) => bootstrap.joined) || network.connectionCount > 0
  const nothing = { listed: false, offer: undefined, dialed: [], others: [], twin: undefined }
  if (!joined) return { view: { bootstraps, joined, ...nothing }, clocks: [] }
  const directory = new OfferDirectory({
    network,
    context: { network: settings.network },
    now: clock,
  })
  let found: readonly string[] | undefined
  let offers: readonly FetchedOffer[] = []
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    found = peerId === undefined ? undefined : await findAddresses(network, peerId)
    offers = await directory.browse()
    if (offers.some(({ offer }) => offer.provider === peerId)) break
  }
  const twin = daemon === undefined ? undefined : await twinOf(daemon, network, settings.network)
  const others = offers.filter(({ offer }) => offer.provider !== peerId)
  const offer = offers.find((one) => one.offer.provider === peerId)
  return {
    view: {
      bootstraps,
      joined,
      listed: found !== undefined || offer !== undefined,
      offer,
      dialed: offer?.addresses ?? found ?? [],
      others,
      twin,
    },
    clocks: others.map(clockOf),
  }
}

/** Where the DHT says that this provider is; `undefined` when it is not listed. */
async function findAddresses(
  network: Network,
  peerId: string,
): Promise<readonly string[] | undefined> {
  try {
    const signal = AbortSignal.timeout(LOOKUP_MS)
    for await (const found of network.findProviders(browseKey('*'), {
      limit: PROVIDERS_MAX,
      signal,
    })) {
      if (found.peerId === peerId) return found.addresses
    }
  } catch {
    // Too slow, or nobody to ask: then it is not found, which is what a consumer would say.
  }
  return undefined
}

/** The newest offer in the DHT, held against what the daemon says of itself. */
async function twinOf(
  { peerId, addresses, startedAt, live }: ProviderStatus,
  network: Network,
  networkName: string,
): Promise<Twin | undefined> {
  try {
    return await findTwin({
      network: {
        peerId,
        addresses: () => [...addresses],
        getValue: async (key, options) => await network.getValue(key, options),
      },
      context: { network: networkName },
      startedAt,
      isOwn: (cid) => cid === live?.cid,
      now: clock,
      signal: AbortSignal.timeout(LOOKUP_MS),
    })
  } catch {
    // Nobody to ask, or an offer that is of no use to anybody.
    return undefined
  }
}

/** Every provider tells the time: its offer was signed when it was asked for. */
function clockOf({ offer, fetchedAt }: FetchedOffer): ClockReading {
  const source = `provider …${offer.provider.slice(-8)}`
  return { source, offsetMs: fetchedAt - offer.issuedAt - OFFER_AGE_MS }
}
