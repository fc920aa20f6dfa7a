import { parseVerifierKey } from '../log/verifier-key.ts'
import { peerId, timestamp, word } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'

const VKEY_LENGTH_MAX = 256

/**
 * A settlement's word on which key signs its log; signed by the settlement. The log has a key of its own, since the
 * identity's signatures name network, role and record, and a note's do not.
 */
export const logKey = defineRecord(
  'hanse.log-key.v1',
  {
    settlement: peerId,
    /** C2SP verifier key: the log's name, and an Ed25519 key. */
    vkey: word(VKEY_LENGTH_MAX),
    /** For events of this time. */
    notBefore: timestamp,
    notAfter: timestamp,
  },
  {
    check: ({ vkey, notBefore, notAfter }) => {
      if (notAfter <= notBefore) return 'ends before it begins'
      return isLogKey(vkey) ? undefined : 'not the verifier key of a log'
    },
  },
)
export type LogKey = ReturnType<typeof logKey.decode>

export const logKeySigners = ({ settlement }: LogKey) =>
  [{ signer: settlement, role: 'settlement' }] as const

function isLogKey(vkey: string): boolean {
  try {
    return parseVerifierKey(vkey).kind === 'ed25519'
  } catch {
    return false
  }
}
