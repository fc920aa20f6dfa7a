export { announceOrder } from './address-kinds.ts'
export { DIAL_FAULTS, type DialFault, type DialResult } from './dial-back-messages.ts'
export { FrameError, type FrameFault } from './frame-decoder.ts'
export { type FrameLimits, FrameStream } from './frame-stream.ts'
export {
  IdentityError,
  type IdentityFault,
  loadOrCreateIdentity,
  peerIdOf,
  seedOf,
} from './identity-file.ts'
export { Network, openNetwork, type StreamHandler } from './libp2p-node.ts'
export type { NetworkOptions, RelayUse } from './libp2p-options.ts'
export { listenFault } from './listen-error.ts'
export { mdnsTagOf } from './mdns-tag.ts'
export { createNetworkKey, loadNetworkKey } from './network-key.ts'
export {
  type FoundProvider,
  type OpenedStream,
  type PeerConnection,
  PeerNetwork,
  type Waiting,
} from './peer-network.ts'
export type { PeerReport, Reachability, ReachabilityReport } from './reachability.ts'
export type { RelayLimits } from './relay-limits.ts'
export { SessionLink, type SessionLinkHandlers } from './session-link.ts'
export { findTwin, type Twin, type TwinOptions } from './twin.ts'
