import type { ResidencyPolicy, Signer } from '@hanse/protocol'
import type { AuthorizationSource } from '../consumer/authorizer.ts'
import type { OfferDirectory } from '../consumer/offer-directory.ts'
import type { MeasurementStore } from '../consumer/routing/router.ts'
import type { FoundCheck } from '../consumer/spot-check/spot-checker.ts'
import type { ConsumerStore } from '../consumer/store.ts'
import type { PeerNetwork } from '../network/peer-network.ts'
import type { NodeStore } from '../store/node-store.ts'
import type { ResolvedOptions } from './options.ts'

/** What the sessions of a consumer are kept in. */
export type SessionStore = ConsumerStore & Pick<NodeStore, 'receipts' | 'session' | 'sessions'>

/** What a platform brings: Node or a page. */
export interface ConsumerParts {
  readonly options: ResolvedOptions
  readonly signer: Signer
  readonly network: Pick<PeerNetwork, 'openStream' | 'connectionCount'>
  readonly directory: OfferDirectory
  readonly store: SessionStore
  readonly source: AuthorizationSource | undefined
  readonly residency: ResidencyPolicy
  /** Whether an attestation, by its CID, was taken back. */
  readonly isRevoked?: ((cid: string) => boolean) | undefined
  /** Keeps what was measured of providers over a restart. */
  readonly measurements?: MeasurementStore
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  /** The last receipt of a session was countersigned. */
  readonly onFinal?: () => void
  /** Keeps a comparison as evidence. */
  readonly onSpotCheck?: (found: FoundCheck) => void
  /** Closed with the consumer, the last one first. */
  readonly resources: AsyncDisposable
}
