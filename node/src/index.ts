export {
  clientSettings,
  gatewaySettings,
  providerSettings,
  relaySettings,
  verifySettings,
} from './config/schemas.ts'
export { environmentName, type Setting, type Settings, toKebab } from './config/settings.ts'
export type { Answer, AnswerPart, Bill } from './consumer/answer.ts'
export { type AuthorizationSource, Authorizer } from './consumer/authorizer.ts'
export { Consumer, type ConsumerOptions, type ConsumerSettings } from './consumer/consumer.ts'
export type { Failover, FailoverSettings } from './consumer/continuation/failover.ts'
export { type FetchedOffer, OfferDirectory } from './consumer/offer-directory.ts'
export type { PlaceRefused } from './consumer/recipient-check.ts'
export type {
  Account,
  InferenceRequest,
  RequestOptions,
  RequestPolicy,
  Reservation,
} from './consumer/request.ts'
export type { SessionOutcome } from './consumer/session-client.ts'
export { ControlClient, localControl } from './control/index.ts'
export { DeletionDesk } from './deletion/deletion-desk.ts'
export * from './engine/index.ts'
export { createGateway, type GatewayOptions } from './gateway/gateway.ts'
export { type AnswerSettings, openService } from './gateway/open-service.ts'
export { openGate } from './gateway/request-gate.ts'
export type { AuditEvent } from './log/audit-events.ts'
export { AuditLog } from './log/audit-log.ts'
export { exportLog } from './log/export-log.ts'
export { refusalsNote, unreachedNote } from './log/note-refusals.ts'
export {
  keepVkey,
  openLogDatabase,
  SqliteLogStore,
  storeSource,
} from './log/sqlite-log-store.ts'
export { ProviderStatistics } from './metrics/index.ts'
export * from './network/index.ts'
export { openOfferValue, selectNewestOffer } from './network/offer-records.ts'
export { offeredModels } from './provider/model-names.ts'
export { Provider, type ProviderOptions } from './provider/provider.ts'
export { RevocationsInDht } from './settlement/revocations-dht.ts'
export { RevokedAttestations } from './settlement/revoked-attestations.ts'
export { RulesFeed } from './settlement/rules-feed.ts'
export { SettlementClient } from './settlement/settlement-client.ts'
export { NodeStore } from './store/node-store.ts'
