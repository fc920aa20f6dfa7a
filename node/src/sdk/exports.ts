export {
  type BundleReport,
  type Check,
  ERRORS,
  type ErrorCode,
  type ErrorEntry,
  type EvidenceKind,
  formatEuro,
  formatPrice,
  HanseError,
  type Match,
  type MatchedOffer,
  PICO_PER_EURO,
  type PicoEuro,
  parseEuro,
  parsePrice,
  picoEuro,
  type Receipt,
  type ResidencyReason,
  type TrustRoots,
  verifyBundle,
} from '@hanse/protocol'
export type { AnswerPart, Bill } from '../consumer/answer.ts'
export type { AuthorizationSource } from '../consumer/authorizer.ts'
export type { Failover, FailoverSettings } from '../consumer/continuation/failover.ts'
export type { FetchedOffer } from '../consumer/offer-directory.ts'
export type { PlaceRefused } from '../consumer/recipient-check.ts'
export type { RequestPolicy, Sort } from '../consumer/request.ts'
export type { SessionOutcome } from '../consumer/session-client.ts'
export type { FoundCheck } from '../consumer/spot-check/spot-checker.ts'
export { FieldError } from '../openai/field-error.ts'
export type { SessionRow } from '../store/node-store.ts'
export type { AnswerStream } from './answer-stream.ts'
export type { SessionStore } from './consumer-parts.ts'
export type { ConsumerEventName, ConsumerEvents } from './events.ts'
export type { CallOptions, HanseConsumer } from './hanse-consumer.ts'
export { MemoryStore, type MemoryStoreOptions } from './memory-store.ts'
export type {
  ChatAnswer,
  ChatChunk,
  ChatMessage,
  ChatRequest,
  ChatTool,
  CompletionAnswer,
  CompletionChunk,
  CompletionRequest,
  ContentPart,
  EmbeddingAnswer,
  EmbeddingRequest,
  ModelEntry,
  ToolCall,
  Usage,
} from './openai-types.ts'
export type {
  ConsumerOptions,
  RoutingOptions,
  SettlementAccess,
  SpotCheckOptions,
} from './options.ts'
