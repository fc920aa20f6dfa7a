export { FrameError, type FrameFault } from './frame-decoder.ts'
export { type FrameLimits, FrameStream } from './frame-stream.ts'
export {
  IdentityError,
  type IdentityFault,
  loadOrCreateIdentity,
  peerIdOf,
  seedOf,
} from './identity-file.ts'
export {
  type FoundProvider,
  Network,
  type OpenedStream,
  openNetwork,
  type StreamHandler,
  type Waiting,
} from './libp2p-node.ts'
export type { NetworkOptions } from './libp2p-options.ts'
export { SessionLink, type SessionLinkHandlers } from './session-link.ts'
