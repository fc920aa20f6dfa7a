export { type Audit, type AuditOptions, auditTiles, type Disagreement } from './audit.ts'
export {
  type Checkpoint,
  formatCheckpoint,
  type OpenCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from './checkpoint.ts'
export { type Cosigner, cosignerOf, verifyCosignature } from './cosignature.ts'
export { decodeEntryBundle, ENTRY_BYTES_MAX, encodeEntryBundle } from './entry-bundle.ts'
export { type ForkEvidence, provesFork } from './fork.ts'
export { emptyRoot, leafHash, nodeHash } from './hash.ts'
export { LEAF_SALT_BYTES, leafCommitment } from './leaf-commitment.ts'
export { MemoryLogStore } from './memory-log-store.ts'
export {
  joinNote,
  type NoteSigner,
  noteSignerOf,
  type OpenNote,
  openNote,
  signNote,
  type VerifiedSignature,
} from './note.ts'
export type { SignatureLine } from './note-lines.ts'
export {
  isQuorumMet,
  openByPolicy,
  type Policy,
  type PolicyGroup,
  type PolicyLog,
  type PolicyWitness,
  parsePolicy,
} from './policy.ts'
export {
  formatProof,
  type LogProof,
  type ProofTrust,
  parseProof,
  type VerifiedProof,
  verifyProof,
} from './proof.ts'
export {
  openPersonal,
  SEAL_KEY_BYTES,
  SEAL_NONCE_BYTES,
  sealPersonal,
} from './sealed.ts'
export type { LogCommit, LogStore } from './store.ts'
export { parseTilePath, TILE_WIDTH, type TileName, tilePath } from './tile-path.ts'
export { type FetchTile, TileReader } from './tile-reader.ts'
export { nodeInTile, type TileRow, tileAt, tileRows } from './tile-shape.ts'
export { Frontier, proveConsistency, proveInclusion, rootOf, rootOfLeaves } from './tree.ts'
export { formatVerifierKey, parseVerifierKey, type VerifierKey } from './verifier-key.ts'
export {
  type ConsistencyClaim,
  type InclusionClaim,
  verifyConsistency,
  verifyInclusion,
} from './verify.ts'
export {
  type AddCheckpoint,
  decideAddCheckpoint,
  parseAddCheckpoint,
  WITNESS_SIZE_TYPE,
  type WitnessContext,
  type WitnessDecision,
} from './witness.ts'
export { addCosignatures, formatAddCheckpoint, monitoringPath } from './witness-client.ts'
export { type Appended, BATCH_ENTRIES_MAX, LogWriter } from './writer.ts'
