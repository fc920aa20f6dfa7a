export { type DocumentDigest, digestOfDocument, documentDigest } from './audit/document-digest.ts'
export {
  entryOfEvent,
  LOG_EVENT_KINDS,
  type LogEvent,
  type LogEventKind,
  logEvent,
  parseRecordCid,
} from './audit/event.ts'
export { type LogKey, logKey, logKeySigners } from './audit/log-key.ts'
export * from './audit/package/index.ts'
export {
  openSettledEvent,
  type ProvedSession,
  type SettledEvent,
  type SettlementProof,
  settlementProof,
} from './audit/settlement-proof.ts'
export {
  DIVERGENCE_MAX,
  type SpotCheck,
  spotCheck,
  spotCheckSigners,
} from './audit/spot-check.ts'
export {
  compareCheckpoints,
  type ProvedInclusion,
  proveInclusionInLog,
  type RememberedCheckpoint,
  type SettlementProofTrust,
  type VerifiedSettlement,
  verifySettlementProof,
} from './audit/verify-settlement-proof.ts'
export * from './authorization/authorization.ts'
export * from './authorization/revocation.ts'
export * from './deletion/deletion.ts'
export * from './errors.ts'
export { isStrictPoint, publicKeyOf, signEd25519, verifyEd25519 } from './identity/ed25519.ts'
export * from './identity/keys.ts'
export * from './identity/peer-id.ts'
export * from './identity/signed-request.ts'
export * from './log/index.ts'
export * from './market/keys.ts'
export * from './market/match.ts'
export * from './market/offer.ts'
export * from './money.ts'
export * from './policy/index.ts'
export { type BundleKind, exportBundle, type SessionEvidence } from './receipt/bundle.ts'
export * from './receipt/commitment.ts'
export * from './receipt/receipt.ts'
export * from './receipt/verify-bundle.ts'
export { type Named, named, RECORD_BYTES_MAX, type RecordType } from './record/record.ts'
export * from './record/signed.ts'
export * from './region/attestation.ts'
export * from './region/countries.ts'
export {
  countriesAt,
  countriesWithin,
  type LandSquare,
  landSquares,
  NO_COUNTRY,
} from './region/land.ts'
export * from './region/landmark.ts'
export * from './region/latency.ts'
export * from './region/policy.ts'
export * from './region/refusal.ts'
export * from './region/revocation.ts'
export * from './region/sphere.ts'
export { ChunkScanner } from './session/chunk-scanner.ts'
export {
  type Bid,
  CONSUMER_LIMITS,
  type ConsumerAction,
  type ConsumerContext,
  type ConsumerEvent,
  type ConsumerState,
  type ConsumerTimer,
  consumerStep,
  openConsumerSession,
  type Purchase,
} from './session/consumer.ts'
export * from './session/credit-window.ts'
export * from './session/determinism.ts'
export * from './session/frames.ts'
export * from './session/payer-standing.ts'
export * from './session/plausibility.ts'
export {
  type Delta,
  type OrderReceived,
  openProviderSession,
  PROVIDER_LIMITS,
  type ProviderAction,
  type ProviderContext,
  type ProviderEvent,
  type ProviderState,
  type ProviderTimer,
  providerStep,
} from './session/provider.ts'
export * from './session/reasons.ts'
export * from './session/records.ts'
export * from './session/review.ts'
export * from './session/rounds.ts'
export {
  decodeSessionNotes,
  encodeSessionNotes,
  GATEWAY_KEY_TAG,
  NOTE_TAGS_MAX,
  NOTE_TEXT_CHARS_MAX,
  SESSION_NOTES_BYTES_MAX,
  SESSION_NOTES_MAX,
  type SessionNote,
} from './session-note/session-notes.ts'
export {
  decodeProposal,
  decodeStatementAnswer,
  encodeStatementFrame,
  type ProposeFrame,
  STATEMENT_PROTOCOL,
  type StatementAnswer,
} from './statement/frames.ts'
export {
  idleLane,
  LANE_LIMITS,
  type Lane,
  type LaneAction,
  type LaneEvent,
  laneStep,
  type Proposal,
} from './statement/lane.ts'
export {
  decodeLine,
  encodeLine,
  LINE_BYTES_MAX,
  lineOfSession,
  type StatementLine,
} from './statement/line.ts'
export {
  countersignStatement,
  type StatedSession,
  type StatementFacts,
} from './statement/review.ts'
export {
  checkFollows,
  isSameLane,
  type LaneTerms,
  type OpenStatement,
  openStatement,
  proveLine,
  readLines,
  STATEMENT_SESSIONS_MAX,
  type Statement,
  statement,
  statementSigners,
  stateSessions,
} from './statement/statement.ts'
export {
  bytesEqual,
  cidOf,
  concat,
  decodeCanonical,
  encodeCanonical,
  isRecordCid,
  parseCid,
} from './wire.ts'
