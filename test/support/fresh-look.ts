import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadOrCreateIdentity, OfferDirectory, openNetwork } from '@hanse/node'

/** Somebody who has never been here looks at the market: its own key, connections and look-ups, and nothing remembered. */
export async function freshLook(
  relayAddress: string,
  network: string,
): Promise<{ provider: string; addresses: readonly string[]; issuedAt: number }[]> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'hanse-stranger-'))
  stack.defer(async () => await rm(folder, { recursive: true, force: true }))
  const privateKey = await loadOrCreateIdentity(join(folder, 'identity.key'))
  const options = { privateKey, validateRecord: async () => {}, selectRecord: () => 0 }
  const stranger = stack.use(
    await openNetwork({ ...options, listen: [], lan: true, dhtClient: true }),
  )
  stranger.keepConnected([relayAddress])
  try {
    await stranger.whenConnected(AbortSignal.timeout(5_000))
  } catch {
    return []
  }
  const directory = new OfferDirectory({ network: stranger, context: { network }, now: Date.now })
  return (await directory.browse()).map(({ offer }) => ({
    provider: offer.provider,
    addresses: offer.addresses,
    issuedAt: offer.issuedAt,
  }))
}

/**
 * Looks until a provider's offer is found that was made after `since`. @returns how long after `since` that was, ms
 *
 * @throws when it is not found within `maxMs` of `since`
 */
export async function untilOffered(
  provider: string,
  since: number,
  maxMs: number,
  market: { readonly relayAddress: string; readonly network: string },
): Promise<number> {
  while (Date.now() - since < maxMs) {
    const offers = await freshLook(market.relayAddress, market.network)
    if (offers.some((offer) => offer.provider === provider && offer.issuedAt >= since))
      return Date.now() - since
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error(`${provider} is not back on the market within ${maxMs} ms`)
}
