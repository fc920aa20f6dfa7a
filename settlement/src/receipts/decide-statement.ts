import {
  checkFollows,
  type ErrorCode,
  HanseError,
  named,
  type Statement,
  type StatementLine,
  statement,
} from '@hanse/protocol'
import type { RefusedSession, StatementClaim } from './claim.ts'
import { knownParties, type PartyFacts } from './decide-booking.ts'

/** What the store knows around a statement. */
export interface StatementFacts extends PartyFacts {
  /** CID of the statement that is stored under this authorization, lane and sequence, if any. */
  readonly seen: string | undefined
  /** Both sides signed two statements of the lane with one number. */
  readonly frozen: boolean
  /** The record that it names as the one before, if that is stored. */
  readonly previous: Uint8Array | undefined
}

export type StatementDecision =
  /** `again`: it is stored. Its lines are looked at once more, for what was refused may be right by now. */
  | { readonly status: 'new' | 'again' }
  | { readonly status: 'rejected'; readonly code: ErrorCode; readonly message: string }

export type StatementBooking =
  | {
      /** `duplicate`: it was stored before, and nothing of it was left to book. */
      readonly status: 'booked' | 'duplicate'
      /** Pico-euro over what was booked of its sessions before. */
      readonly increase: bigint
      /** How many sessions came to what. */
      readonly sessions: {
        readonly booked: number
        readonly duplicate: number
        readonly superseded: number
      }
      readonly refused: readonly RefusedSession[]
    }
  | { readonly status: 'rejected'; readonly code: ErrorCode; readonly message: string }

/**
 * Decides whether a verified statement takes its place in its lane. Refused as a whole it leaves nothing behind but
 * evidence, and may come again; once it is stored, each of its lines stands for itself.
 */
export function decideStatement(claim: StatementClaim, facts: StatementFacts): StatementDecision {
  const { seen } = facts
  if (seen === claim.cid) return { status: 'again' }
  if (seen !== undefined) {
    return reject('HANSE_STATEMENT_EQUIVOCATION', `number ${claim.sequence} is ${seen}`)
  }
  const parties = knownParties(claim, facts)
  if (parties.status === 'rejected') return parties
  if (facts.frozen) {
    return reject('HANSE_STATEMENT_FROZEN', 'two statements of the lane have one number')
  }
  if (parties.authorization.closed) {
    return reject('HANSE_HOLD_RELEASED', 'what was left of the hold was given back')
  }
  if (claim.previous !== null && facts.previous === undefined) {
    return reject('HANSE_STATEMENT_PREVIOUS', `${claim.previous} has not arrived`)
  }
  try {
    const opened = named(statement, claim.bytes)
    const before = facts.previous && named(statement, facts.previous)
    checkFollows({ ...opened, lines: [sumLine(opened.value, claim)] }, before)
    return { status: 'new' }
  } catch (error) {
    if (!(error instanceof HanseError)) throw error
    return reject(error.code, error.message)
  }
}

/** One line that counts what all lines do: the rules of the chain only add them up. */
function sumLine({ authorization, from }: Statement, { sum }: StatementClaim): StatementLine {
  const links = { order: authorization, receipt: authorization, acceptedAt: from }
  return { ...links, ...sum, model: '', sequence: 0n, cachedInputTokens: 0n, final: 'completed' }
}

const reject = (code: ErrorCode, message: string) =>
  ({ status: 'rejected', code, message }) as const
