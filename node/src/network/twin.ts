import { offerKey, type SigningContext } from '@hanse/protocol'
import type { Network } from './libp2p-node.ts'
import { openOfferValue } from './offer-records.ts'

/** Another node that signs with this node's identity. */
export interface Twin {
  /** Where its offer says that it is. */
  readonly addresses: readonly string[]
  /** When it signed, milliseconds since 1970. */
  readonly issuedAt: number
}

export interface TwinOptions {
  readonly network: Pick<Network, 'peerId' | 'addresses' | 'getValue'>
  readonly context: SigningContext
  /** When this node started, milliseconds since 1970: what it signed itself before that is no twin's. */
  readonly startedAt: number
  /** Whether this node has signed an offer itself, by its CID: it may since have moved to other addresses. */
  readonly isOwn?: (cid: string) => boolean
  readonly now: () => number
  readonly signal?: AbortSignal
}

/**
 * Looks for an offer that this node's key signed since this node started, at addresses that are none of its own: the same
 * identity file in use on two machines. Finds sellers alone, for nobody else puts signed values in the DHT.
 */
export async function findTwin(options: TwinOptions): Promise<Twin | undefined> {
  const { network, context, startedAt, isOwn = () => false, now, signal } = options
  const key = offerKey(network.peerId)
  const value = await network.getValue(key, signal === undefined ? {} : { signal })
  if (value === undefined) return undefined
  const found = openOfferValue(context, key, value, now())
  const { addresses, issuedAt } = found.value
  const own = new Set(network.addresses())
  const isOurs =
    issuedAt <= startedAt ||
    isOwn(found.cid.toString()) ||
    addresses.some((address) => own.has(address))
  return isOurs || addresses.length === 0 ? undefined : { addresses, issuedAt }
}
