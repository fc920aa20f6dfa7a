import {
  decodeCanonical,
  decodeLine,
  formatProof,
  parseCheckpoint,
  proveLine,
  type SettlementProof,
  settlementProof,
  TileReader,
} from '@hanse/protocol'
import type { SettlementStore } from '../db/store.ts'
import { LINES_BYTES_MAX } from '../receipts/statement-batch.ts'
import { decodeSigned } from '../receipts/submission.ts'
import type { LoggedEvent } from './logged-event.ts'

/**
 * Makes the proof that an event is in the log, as of the latest checkpoint.
 *
 * @param cid of a session's order, or of what an event is about
 * @param since size of a checkpoint that the reader remembers
 * @returns a `hanse.settlement-proof.v1`, or `undefined` when there is no such event in the log
 * @throws {HanseError} HANSE_LOG_INDEX when the log has never had that size
 */
export async function proveSettlement(
  store: SettlementStore,
  cid: string,
  since?: bigint,
): Promise<Uint8Array | undefined> {
  const logged = await store.loggedEvent(cid)
  const head = await store.logHead()
  if (logged === undefined || head === undefined) return undefined
  const { size } = parseCheckpoint(head.note)
  const reader = new TileReader((path) => store.logTile(path), size)
  const { body, salt, leaf } = logged
  const hashes = await reader.inclusionProof(leaf)
  return settlementProof.encode({
    event: body,
    salt,
    proof: formatProof({ index: leaf, hashes, checkpoint: head.cosigned }),
    statement: statedLine(logged),
    consistency:
      since === undefined
        ? null
        : { size: since, hashes: await reader.consistencyProof(since, size) },
  })
}

function statedLine({ statement }: LoggedEvent): SettlementProof['statement'] {
  if (statement === undefined) return null
  const lines = decodeCanonical(statement.lines, LINES_BYTES_MAX) as Uint8Array[]
  const index = lines.findIndex((line) => decodeLine(line).order.toString() === statement.order)
  const line = lines[index]
  if (line === undefined) throw new Error('a statement without the session that it settled')
  const { bytes, signatures } = decodeSigned(statement.signed)
  return { bytes, signatures: [...signatures], line, index, path: proveLine(lines, index) }
}
