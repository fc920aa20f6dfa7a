import { sha256 } from '#crypto'
import { utf8 } from '../wire.ts'
import { toBase64 } from './base64.ts'
import { joinNote, openNote } from './note.ts'
import { splitNote } from './note-lines.ts'
import { toHex } from './verifier-key.ts'
import type { AddCheckpoint } from './witness.ts'

// The log's side of C2SP tlog-witness: what it sends, and what it does with the answer.

/** The body of an add-checkpoint request. Of a first one `oldSize` is 0 and the proof empty. */
export function formatAddCheckpoint(request: Omit<AddCheckpoint, 'origin'>): string {
  const lines = [`old ${request.oldSize}`, ...request.proof.map(toBase64)]
  return `${lines.join('\n')}\n\n${request.checkpoint}`
}

/**
 * The checkpoint with the cosignatures of a witness's answer added. Lines of other keys, wrong lines and those that it
 * has already are left out: an answer cannot spoil the checkpoint.
 *
 * @param answer body of the 200
 * @param witnessKeys whose cosignatures are wanted
 * @throws {HanseError} HANSE_LOG_NOTE when the checkpoint itself is malformed, HANSE_LOG_KEY
 */
export function addCosignatures(
  checkpoint: string,
  answer: string,
  witnessKeys: readonly string[],
): string {
  const { text, lines } = splitNote(checkpoint)
  const kept = new Set(lines.map(({ line }) => line))
  for (const vkey of witnessKeys) {
    for (const line of answer.split('\n', ANSWER_LINES_MAX)) {
      if (isSignedBy(vkey, text, line)) kept.add(line)
    }
  }
  return joinNote(text, [...kept])
}

/** A witness has a few keys at most. */
const ANSWER_LINES_MAX = 16

/** Where monitors find the latest checkpoint that a witness cosigned, below its monitoring prefix. */
export function monitoringPath(origin: string): string {
  return `${toHex(sha256(utf8(origin)))}/checkpoint`
}

function isSignedBy(vkey: string, text: string, line: string): boolean {
  try {
    return openNote(joinNote(text, [line]), vkey).signatures.length === 1
  } catch {
    return false
  }
}
