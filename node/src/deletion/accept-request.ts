import {
  type DeletionRequest,
  deletionRequest,
  deletionRequestSigners,
  HanseError,
  type Named,
  openSigned,
  type SignedRecord,
  type SigningContext,
} from '@hanse/protocol'

export interface ExpectedRequest {
  /** The settlement that this node works with. */
  readonly settlement: string
  /** This node. */
  readonly node: string
  readonly side: DeletionRequest['side']
  readonly now: number
}

/** Clocks differ. What is meant is everything before `at`, so that a time to come would mean what has not begun. */
const AHEAD_MS_MAX = 5 * 60_000

/**
 * A request to erase, if this node's settlement has made it, for this node.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_*; HANSE_DELETION_REQUEST when it is another's
 */
export function acceptRequest(
  context: SigningContext,
  signed: SignedRecord,
  { settlement, node, side, now }: ExpectedRequest,
): Named<DeletionRequest> & SignedRecord {
  const opened = openSigned(context, deletionRequest, signed, deletionRequestSigners)
  const { value } = opened
  if (value.settlement !== settlement) throw wrong(`is of ${value.settlement}`)
  if (value.node !== node) throw wrong(`is for ${value.node}`)
  if (value.side !== side) throw wrong(`is for a ${value.side}`)
  if (value.at > now + AHEAD_MS_MAX) throw wrong('is of a time to come')
  return opened
}

const wrong = (what: string) =>
  new HanseError('HANSE_DELETION_REQUEST', `the request to erase ${what}`)
