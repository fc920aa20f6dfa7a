import {
  type DeletionConfirmation,
  deletionConfirmation,
  deletionConfirmationSigners,
  deletionRequest,
  isDeletionComplete,
  openSigned,
  type PeerId,
  parseRecordCid,
  type SignedRecord,
  signRecord,
} from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { decodeSigned, encodeSigned } from '../receipts/submission.ts'
import type { DeletionRow } from './deletion-store.ts'

type Context = Pick<SettlementContext, 'store' | 'signer' | 'network' | 'now'>

/** Requests in one answer: eight kilobytes each, and their signatures. */
export const DELETIONS_PAGE = 20
const BATCH = 500

/** Signs what was planned; what a crash left is signed when it is next asked for. @returns how many */
export async function signDeletions(context: Context, node?: string): Promise<number> {
  let signed = 0
  for (;;) {
    const planned = await context.store.deletionRequests({
      isUnsigned: true,
      ...(node !== undefined && { node }),
      limit: BATCH,
    })
    for (const row of planned) await signOne(context, row)
    signed += planned.length
    if (planned.length < BATCH) return signed
  }
}

async function signOne({ store, signer, network, now }: Context, row: DeletionRow): Promise<void> {
  const value = {
    settlement: signer.peerId,
    node: row.node as PeerId,
    side: row.side,
    part: row.part,
    consumers: row.consumers as PeerId[],
    authorizations: row.authorizations.map(parseRecordCid),
    at: row.at,
    dueAt: row.dueAt,
  }
  const record = signRecord({ network }, deletionRequest, value, 'settlement', signer)
  await store.signDeletion(row.id, record.cid.toString(), encodeSigned(record), now())
}

/** What a node is asked to erase and has not confirmed, in their order; its asking is noted. */
export async function deletionsFor(
  context: Context,
  node: PeerId,
  after: bigint,
): Promise<{ requests: SignedRecord[]; next: bigint | null }> {
  await signDeletions(context, node)
  const { store, now } = context
  const found = await store.deletionRequests({ node, isOpen: true, after, limit: DELETIONS_PAGE })
  await store.deletionsFetched(
    found.filter(({ fetchedAt }) => fetchedAt === null).map(({ id }) => id),
    now(),
  )
  const requests = found.flatMap(({ signed }) => (signed === null ? [] : [decodeSigned(signed)]))
  return { requests, next: found.length < DELETIONS_PAGE ? null : (found.at(-1)?.id ?? null) }
}

/**
 * Takes what a node says it has erased; and where it was the last to answer, the erasure is done.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND; HANSE_DELETION_CONFIRMATION when it is not for this settlement or not by whom was asked
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_*
 */
export async function takeConfirmation(
  context: Context,
  signed: SignedRecord,
): Promise<DeletionRow> {
  const { store, signer, network, now } = context
  const { cid, value } = openSigned(
    { network },
    deletionConfirmation,
    signed,
    deletionConfirmationSigners,
  )
  refuseOthers(value, signer.peerId)
  const row = await store.confirmDeletion(
    {
      cid: cid.toString(),
      request: value.request.toString(),
      node: value.node,
      side: value.side,
      sequence: value.sequence,
      erased: value.erased,
      kept: value.kept,
      at: value.at,
      signed: encodeSigned(signed),
      isComplete: isDeletionComplete(value),
    },
    now(),
  )
  await finishErasures(context)
  return row
}

function refuseOthers({ settlement }: DeletionConfirmation, self: PeerId): void {
  if (settlement === self) return
  throw new SettlementError('HANSE_DELETION_CONFIRMATION', 'it is for another settlement')
}

/** Ends requests for erasure that only waited for nodes. @returns how many */
export async function finishErasures({
  store,
  now,
}: Pick<Context, 'store' | 'now'>): Promise<number> {
  const answered = await store.erasuresAnswered()
  let finished = 0
  for (const { request, confirmed, silent, keeping } of answered) {
    const note = outcomeText({ confirmed, silent, keeping })
    try {
      await store.advanceRightsRequest(request, { step: 'done' }, { by: NODES, note, at: now() })
      finished++
    } catch (error) {
      // Another process, or an operator, was faster.
      if (!(error instanceof SettlementError) || error.code !== 'HANSE_RIGHTS_REQUEST_STATE')
        throw error
    }
  }
  return finished
}

/** Who takes the last step of an erasure that waited for nodes. */
const NODES = 'deletions'

const outcomeText = ({
  confirmed,
  silent,
  keeping,
}: {
  confirmed: number
  silent: number
  keeping: number
}): string =>
  [
    `${confirmed} deletion requests to nodes were confirmed`,
    silent > 0 && `${silent} were not answered in time`,
    keeping > 0 && `${keeping} were answered by nodes that still keep what is not settled`,
  ]
    .filter((part) => part !== false)
    .join('; ')
