import { type FinalReason, receipt } from '@hanse/protocol'
import { decodeSigned } from '../receipts/submission.ts'
import { type Cell, type CellCounts, Cells } from './cells.ts'
import { paceOf } from './pace.ts'
import { type Standing, standingOf } from './standing.ts'

/** A session of which something was booked. */
export interface Touched extends Cell {
  readonly session: string
  /** When it was accepted, milliseconds since 1970. */
  readonly acceptedAt: number
  readonly final: FinalReason | null
  readonly outputTokens: bigint
  /** Its last receipt as both sides signed it; null where it came by a Statement, or it is no final one. */
  readonly signed: Uint8Array | null
  /** From the acceptance to the last receipt, milliseconds, of a session of a Statement whose receipt was shown. */
  readonly durationMs: number | null
  /** How it was counted before, if it was. */
  readonly before: Standing | 'known' | undefined
}

export interface Tally {
  readonly cells: readonly CellCounts[]
  /** Sessions that are counted as cut from now on, and those that no longer are. */
  readonly cut: readonly string[]
  readonly mended: readonly string[]
}

/**
 * What sessions add to the counts. A session that has ended is counted once, by the first last word: what two peers sign
 * after it changes nothing.
 */
export function tally(sessions: readonly Touched[]): Tally {
  const cells = new Cells()
  const cut: string[] = []
  const mended: string[] = []
  for (const session of sessions) {
    const standing = standingOf(session.final)
    if (session.before === 'known' || session.before === standing) continue
    const counts = cells.of(session)
    counts[standing]++
    if (standing === 'cut') cut.push(session.session)
    if (session.before === 'cut') {
      counts.cut--
      mended.push(session.session)
    }
    if (standing === 'good') cells.addPace(session, placeOf(session))
  }
  return { cells: cells.all, cut, mended }
}

function placeOf({ signed, durationMs, acceptedAt, outputTokens }: Touched): number | undefined {
  if (signed === null) return durationMs === null ? undefined : paceOf(durationMs, outputTokens)
  const { at } = receipt.decode(decodeSigned(signed).bytes)
  return paceOf(at - acceptedAt, outputTokens)
}
