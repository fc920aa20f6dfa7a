export {
  type BundleReport,
  type Check,
  formatEuro,
  formatPrice,
  HanseError,
  type PicoEuro,
  parsePrice,
  type Receipt,
  type TrustRoots,
  verifyBundle,
} from '@hanse/protocol'
export type { AnswerPart, Bill } from '../consumer/answer.ts'
export type { AuthorizationSource } from '../consumer/authorizer.ts'
export type { RequestPolicy } from '../consumer/request.ts'
export type { SessionOutcome } from '../consumer/session-client.ts'
export { FieldError } from '../openai/field-error.ts'
export type { AnswerStream } from './answer-stream.ts'
export type { ConsumerEventName, ConsumerEvents } from './events.ts'
export type { CallOptions, HanseConsumer } from './hanse-consumer.ts'
export { MemoryStore } from './memory-store.ts'
export type {
  ChatAnswer,
  ChatChunk,
  ChatMessage,
  ChatRequest,
  CompletionAnswer,
  CompletionChunk,
  CompletionRequest,
  EmbeddingAnswer,
  EmbeddingRequest,
  ModelEntry,
  Usage,
} from './openai-types.ts'
export type { ConsumerOptions, SettlementAccess } from './options.ts'
