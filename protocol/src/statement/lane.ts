import type { CID } from 'multiformats/cid'
import { asHanseError, HanseError } from '../errors.ts'
import type { Signer } from '../identity/keys.ts'
import type { Named } from '../record/record.ts'
import {
  isSignatureValid,
  type Signature,
  type SignedRecord,
  type SigningContext,
  signedFields,
  signRecord,
} from '../record/signed.ts'
import type { ProposeFrame, StatementAnswer } from './frames.ts'
import { encodeLine, type StatementLine } from './line.ts'
import { type LaneTerms, type Statement, statement, stateSessions } from './statement.ts'

/**
 * The provider's side of a lane, without I/O: one chain of Statements with one consumer, at most one of them waiting to be
 * countersigned.
 *
 * | state     | waits for                  | leaves to |
 * |-----------|----------------------------|-----------|
 * | idle      | sessions that have ended   | proposed |
 * | proposed  | the countersignature       | idle; abandoned (refused, malformed, timer, closed) |
 * | abandoned | nothing                    | – |
 *
 * An abandoned lane stays so, because nobody can know whether the other side has signed: its sessions are settled by their
 * receipts, and the next ones begin a new lane. Settlement books a session once, whichever way it comes.
 */
export type Lane = Idle | Proposed | Abandoned

interface Idle {
  readonly phase: 'idle'
  readonly terms: LaneTerms
  readonly last: Named<Statement> | undefined
}

interface Proposed {
  readonly phase: 'proposed'
  readonly terms: LaneTerms
  readonly proposal: Proposal
}

interface Abandoned {
  readonly phase: 'abandoned'
  readonly terms: LaneTerms
}

/** A Statement that the provider has signed, with its lines. */
export interface Proposal {
  readonly statement: Named<Statement> & SignedRecord
  readonly lines: readonly StatementLine[]
}

export type LaneEvent =
  | { readonly type: 'state'; readonly lines: readonly StatementLine[] }
  | { readonly type: 'answer'; readonly answer: StatementAnswer }
  | { readonly type: 'malformed'; readonly error: HanseError }
  | { readonly type: 'timer' }
  | { readonly type: 'closed' }

export type LaneAction =
  /** Keep it durably before it leaves: two different ones of one number would be a lie. */
  | { readonly type: 'save-proposal'; readonly proposal: Proposal }
  /** `timer` or `closed` is to follow when nothing has come after `answerMs`, or the stream ends. */
  | { readonly type: 'send'; readonly frame: ProposeFrame; readonly answerMs: number }
  /** Signed by both sides: this settles its sessions. */
  | {
      readonly type: 'save-statement'
      readonly statement: Named<Statement> & SignedRecord
      readonly lines: readonly StatementLine[]
    }
  /** Settle these sessions by their receipts. */
  | {
      readonly type: 'abandon'
      readonly statement: CID
      readonly lines: readonly StatementLine[]
      readonly error: HanseError
    }

export interface LaneStep {
  readonly state: Lane
  readonly actions: readonly LaneAction[]
}

export const LANE_LIMITS = {
  /** A countersignature takes one round trip, a look-up of each session and one disk write. */
  answerMs: 15_000,
} as const

export function idleLane(terms: LaneTerms, last?: Named<Statement>): Lane {
  return { phase: 'idle', terms, last }
}

/** @throws never on what the other side sends: a fault abandons the lane */
export function laneStep(
  context: SigningContext & { readonly signer: Signer },
  state: Lane,
  event: LaneEvent,
): LaneStep {
  switch (state.phase) {
    case 'idle':
      return event.type === 'state' ? propose(context, state, event.lines) : { state, actions: [] }
    case 'proposed':
      return onProposed(context, state, event)
    case 'abandoned':
      return { state, actions: [] }
  }
}

function propose(
  context: SigningContext & { readonly signer: Signer },
  { terms, last }: Idle,
  lines: readonly StatementLine[],
): LaneStep {
  const value = stateSessions(terms, last, lines)
  const signed = signRecord(context, statement, value, 'provider', context.signer)
  const proposal: Proposal = { statement: signed, lines }
  return {
    state: { phase: 'proposed', terms, proposal },
    actions: [
      { type: 'save-proposal', proposal },
      {
        type: 'send',
        frame: { t: 'propose', statement: signedFields(signed), lines: lines.map(encodeLine) },
        answerMs: LANE_LIMITS.answerMs,
      },
    ],
  }
}

function onProposed(context: SigningContext, state: Proposed, event: LaneEvent): LaneStep {
  switch (event.type) {
    case 'answer':
      return onAnswer(context, state, event.answer)
    case 'malformed':
      return abandon(state, event.error)
    case 'timer':
      return abandon(
        state,
        new HanseError('HANSE_SESSION_ABORTED', 'no answer to the statement in time'),
      )
    case 'closed':
      return abandon(
        state,
        new HanseError('HANSE_SESSION_ABORTED', 'the consumer left without an answer'),
      )
    case 'state':
      return { state, actions: [] }
  }
}

function onAnswer(context: SigningContext, state: Proposed, answer: StatementAnswer): LaneStep {
  const { terms, proposal } = state
  const { statement: proposed, lines } = proposal
  if (answer.t === 'refuse') {
    return abandon(state, new HanseError(answer.code, 'the consumer refused the statement'))
  }
  const signature: Signature = {
    signer: terms.consumer,
    role: 'consumer',
    signature: answer.signature,
  }
  try {
    if (
      answer.sequence !== proposed.value.sequence ||
      !isSignatureValid(context, statement, proposed.bytes, signature)
    ) {
      throw new HanseError('HANSE_SIGNATURE_INVALID', 'the countersignature does not verify')
    }
  } catch (error) {
    return abandon(state, asHanseError(error))
  }
  const signed = { ...proposed, signatures: [...proposed.signatures, signature] }
  const { cid, bytes, value } = proposed
  return {
    state: { phase: 'idle', terms, last: { cid, bytes, value } },
    actions: [{ type: 'save-statement', statement: signed, lines }],
  }
}

function abandon({ terms, proposal }: Proposed, error: HanseError): LaneStep {
  return {
    state: { phase: 'abandoned', terms },
    actions: [{ type: 'abandon', statement: proposal.statement.cid, lines: proposal.lines, error }],
  }
}
