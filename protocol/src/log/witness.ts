import { HanseError } from '../errors.ts'
import { bytesEqual } from '../wire.ts'
import { fromBase64 } from './base64.ts'
import {
  type Checkpoint,
  type OpenCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  parseDecimal,
} from './checkpoint.ts'
import type { Cosigner } from './cosignature.ts'
import { type ForkEvidence, provesFork } from './fork.ts'
import { emptyRoot, isHash } from './hash.ts'
import { joinNote, openNote } from './note.ts'
import { noteText } from './note-lines.ts'
import { parseVerifierKey } from './verifier-key.ts'
import { verifyConsistency } from './verify.ts'

/** C2SP tlog-witness: a client must not send more proof lines. */
export const WITNESS_PROOF_LINES_MAX = 63

/** The body of a `POST <prefix>/add-checkpoint`. */
export interface AddCheckpoint {
  /** Size of the checkpoint that the client believes to be the latest one here. */
  readonly oldSize: bigint
  readonly proof: readonly Uint8Array[]
  /** The signed checkpoint, as it was sent. */
  readonly checkpoint: string
  /** Which log it says to be of; nothing is verified yet. Under this name the caller keeps the latest one. */
  readonly origin: string
}

/**
 * Reads an add-checkpoint request.
 *
 * @throws {HanseError} HANSE_LOG_WITNESS_REQUEST
 */
export function parseAddCheckpoint(body: string | Uint8Array): AddCheckpoint {
  try {
    const text = noteText(body)
    const blank = text.indexOf('\n\n')
    const lines = text.slice(0, Math.max(blank, 0)).split('\n', WITNESS_PROOF_LINES_MAX + 2)
    const [old = '', ...proofLines] = lines
    const oldSize = old.startsWith('old ') ? parseDecimal(old.slice(4)) : undefined
    if (oldSize === undefined) throw badRequest('the first line is `old` and a size')
    if (proofLines.length > WITNESS_PROOF_LINES_MAX) throw badRequest('too many proof lines')
    const proof = proofLines.map(fromBase64).filter(isHash)
    if (proof.length < proofLines.length) throw badRequest('a proof line is not base64 of a hash')
    const checkpoint = text.slice(blank + 2)
    return { oldSize, proof, checkpoint, origin: parseCheckpoint(checkpoint).origin }
  } catch (cause) {
    if (cause instanceof HanseError && cause.code === 'HANSE_LOG_WITNESS_REQUEST') throw cause
    throw badRequest('not a checkpoint', cause)
  }
}

export interface WitnessContext {
  /** Keys of the logs that are witnessed; each is named like its log's origin. A log may have several. */
  readonly logKeys: readonly string[]
  readonly cosigner: Cosigner
  /** POSIX seconds. */
  readonly nowSeconds: bigint
}

export type WitnessDecision =
  | {
      readonly status: 200
      /** Cosignature lines. */
      readonly body: string
      /** The new state of this origin. It must be durable before the body is sent. */
      readonly latest: string
    }
  | {
      readonly status: 409
      /** Size of the latest checkpoint, to be sent as `WITNESS_SIZE_TYPE`. */
      readonly body: string
      readonly evidence?: ForkEvidence
    }
  | {
      readonly status: 400 | 403 | 404 | 422
      readonly body: string
      /** The log signed both: to be kept, and told to whoever relies on the log. */
      readonly evidence?: ForkEvidence
    }

/** Content type of the body of a 409. */
export const WITNESS_SIZE_TYPE = 'text/x.tlog.size'

/**
 * Decides on an add-checkpoint request (C2SP tlog-witness). Deciding and keeping the new state is one atomic step for
 * each origin: between two requests at once, the older checkpoint could else replace the newer one.
 *
 * @param latest what was kept for the origin after the last 200, or `undefined` when there was none
 * @throws {HanseError} HANSE_LOG_WITNESS_STATE when `latest` does not open: the witness must not cosign then
 */
export function decideAddCheckpoint(
  context: WitnessContext,
  latest: string | undefined,
  body: string | Uint8Array,
): WitnessDecision {
  let request: AddCheckpoint
  try {
    request = parseAddCheckpoint(body)
  } catch (error) {
    return refuse(400, error instanceof Error ? error.message : 'malformed')
  }
  const keys = context.logKeys.filter((vkey) => parseVerifierKey(vkey).name === request.origin)
  if (keys.length === 0) return refuse(404, 'unknown origin')
  const opened = openWithAny(request.checkpoint, keys)
  if (opened === undefined) return refuse(403, 'not signed by a key of this log')
  if (request.oldSize > opened.checkpoint.size) return refuse(400, 'old size above the new one')

  const known = latest === undefined ? undefined : openKept(context, latest, request.origin)
  if (latest !== undefined && known === undefined) {
    throw new HanseError('HANSE_LOG_WITNESS_STATE', 'the kept checkpoint is not one of this log')
  }
  const knownSize = known?.checkpoint.size ?? 0n
  const evidence =
    known === undefined || latest === undefined
      ? {}
      : evidenceOf({ first: latest, second: request.checkpoint }, known.vkey, opened.vkey)
  if (request.oldSize !== knownSize) {
    return { status: 409, body: `${knownSize}\n`, ...evidence }
  }
  if (!isConsistent(known?.checkpoint, opened.checkpoint, request.proof)) {
    return { ...refuse(422, 'not consistent with the latest checkpoint'), ...evidence }
  }
  const { text, signature } = opened.checkpoint
  const line = context.cosigner.cosign(text, context.nowSeconds)
  return { status: 200, body: `${line}\n`, latest: joinNote(text, [signature.line, line]) }
}

/** Old size 0 means that nothing was cosigned yet: there is nothing to be consistent with, and no proof. */
function isConsistent(
  known: Checkpoint | undefined,
  next: Checkpoint,
  proof: readonly Uint8Array[],
): boolean {
  if (next.size === 0n && !bytesEqual(next.root, emptyRoot())) return false
  if (known === undefined || known.size === 0n) return proof.length === 0
  const sizes = { size1: known.size, size2: next.size }
  return verifyConsistency({ ...sizes, root1: known.root, root2: next.root, proof })
}

function evidenceOf(
  evidence: ForkEvidence,
  knownKey: string,
  nextKey: string,
): { readonly evidence?: ForkEvidence } {
  return provesFork(evidence, knownKey, nextKey) ? { evidence } : {}
}

/**
 * What this witness kept: signed by one of the log's keys, or, once the log has given up that key, at least by itself.
 */
function openKept(
  { logKeys, cosigner }: WitnessContext,
  latest: string,
  origin: string,
): { readonly checkpoint: Checkpoint; readonly vkey: string } | undefined {
  for (const vkey of [...logKeys, cosigner.vkey]) {
    try {
      const checkpoint = parseCheckpoint(openNote(latest, vkey).text)
      if (checkpoint.origin === origin) return { checkpoint, vkey }
    } catch {
      // Not by this key.
    }
  }
  return undefined
}

/** With the first of the log's keys that signed it. */
function openWithAny(
  note: string,
  keys: readonly string[],
): { readonly checkpoint: OpenCheckpoint; readonly vkey: string } | undefined {
  for (const vkey of keys) {
    try {
      return { checkpoint: openCheckpoint(note, vkey), vkey }
    } catch {
      // Another key of this log may have signed.
    }
  }
  return undefined
}

function refuse(
  status: 400 | 403 | 404 | 422,
  why: string,
): { readonly status: 400 | 403 | 404 | 422; readonly body: string } {
  return { status, body: `${why}\n` }
}

function badRequest(why: string, cause?: unknown): HanseError {
  return new HanseError('HANSE_LOG_WITNESS_REQUEST', `malformed add-checkpoint: ${why}`, { cause })
}
