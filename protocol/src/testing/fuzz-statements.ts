import fc from 'fast-check'
import { HanseError } from '../errors.ts'
import type { Receipt } from '../receipt/receipt.ts'
import type { Named } from '../record/record.ts'
import { signBytes, signedFields } from '../record/signed.ts'
import {
  decodeProposal,
  decodeStatementAnswer,
  encodeStatementFrame,
  type ProposeFrame,
} from '../statement/frames.ts'
import {
  idleLane,
  type Lane,
  type LaneAction,
  type LaneEvent,
  laneStep,
} from '../statement/lane.ts'
import { encodeLine, type StatementLine } from '../statement/line.ts'
import { countersignStatement, type StatementFacts } from '../statement/review.ts'
import { openStatement, statement } from '../statement/statement.ts'
import { bytesEqual } from '../wire.ts'
import * as make from './fixtures.ts'
import { mutated, varied } from './fuzz-mutations.ts'
import { answerSamples, LANE, linesOf, makeStatement } from './fuzz-samples.ts'
import { framesLike, readScript, type Step, scripts, step } from './fuzz-script.ts'
import { mustBeRefusal, mustHold, type Target, unlessRefused } from './fuzz-target.ts'

/** Three sessions that ended, as their consumer remembers them. */
const SESSIONS = [0, 1, 2].map((i) => {
  const ordered = make.makeOrder({ nonce: new Uint8Array(16).fill(i) })
  const accepted = make.makeAcceptance(ordered)
  const last = make.makeReceipts(ordered, accepted).at(-1)
  if (last === undefined) throw new Error('no receipts')
  return {
    cid: ordered.cid,
    order: ordered.value,
    acceptedAt: accepted.value.at,
    last,
    stated: null,
  }
})

const LINES = SESSIONS.map(({ cid, order, acceptedAt, last }) =>
  lineOf(cid, order.model, acceptedAt, last),
)

function lineOf(
  order: StatementLine['order'],
  model: string,
  acceptedAt: number,
  { cid, value }: Named<Receipt>,
): StatementLine {
  const { sequence, inputTokens, cachedInputTokens, outputTokens, amount, final } = value
  const tokens = { sequence, inputTokens, cachedInputTokens, outputTokens, amount }
  return { order, receipt: cid, model, ...tokens, acceptedAt, final: final ?? 'completed' }
}

const FACTS: StatementFacts = {
  session: (order) => SESSIONS.find(({ cid }) => cid.equals(order)),
  last: () => undefined,
}

/** Right proposals, ones that the provider signed and are wrong, and mutated ones. */
function proposals(): fc.Arbitrary<Uint8Array> {
  const right = fc.subarray(LINES, { minLength: 1 })
  const wrong = fc
    .tuple(right, varied(makeStatement(LINES).value))
    .map(([lines, changes]) => proposal(lines, changes as object))
  const honest = right.map((lines) => proposal(lines, {}))
  // Lines that are not so, under a Statement that adds them up rightly.
  const lying = fc
    .tuple(right, varied(LINES[0]))
    .map(([lines, changes]) => [{ ...lines[0], ...(changes as object) }, ...lines.slice(1)])
    .map((lines) => proposal(lines as StatementLine[], {}))
  return fc.oneof(honest, wrong, lying, mutated(honest))
}

function proposal(lines: readonly StatementLine[], changes: object): Uint8Array {
  try {
    const frame: ProposeFrame = {
      t: 'propose',
      statement: signedFields(makeStatement(lines, changes)),
      lines: lines.map(encodeLine),
    }
    return encodeStatementFrame(frame)
  } catch {
    // What no record can say: nothing goes out.
    return new Uint8Array(0)
  }
}

const isSameLine = (a: StatementLine, b: StatementLine): boolean =>
  bytesEqual(encodeLine(a), encodeLine(b))

const OPS = { answer: 0, countersign: 1, state: 2, timer: 3, closed: 4 } as const

class LaneUnderTest {
  state: Lane = idleLane(LANE)
  #saved = 0n

  do({ op, n, bytes }: Step): void {
    const event = this.#eventOf(op, n, bytes)
    if (event === undefined) return
    const before = this.state
    const { state, actions } = laneStep(make.providerContext, before, event)
    this.state = state
    if (before.phase === 'abandoned') mustHold(actions.length === 0, 'a lane after its end')
    for (const action of actions) this.#look(action)
  }

  #eventOf(op: number, n: number, bytes: Uint8Array): LaneEvent | undefined {
    switch (op) {
      case OPS.answer: {
        const answer = unlessRefused(() => decodeStatementAnswer(bytes))
        const error = new HanseError('HANSE_FRAME_MALFORMED', 'malformed')
        return answer === undefined ? { type: 'malformed', error } : { type: 'answer', answer }
      }
      case OPS.countersign: {
        if (this.state.phase !== 'proposed') return undefined
        const { bytes: proposed, value } = this.state.proposal.statement
        const { signature } = signBytes(
          make.context,
          statement,
          proposed,
          'consumer',
          make.consumer,
        )
        return { type: 'answer', answer: { t: 'countersign', sequence: value.sequence, signature } }
      }
      case OPS.state:
        return { type: 'state', lines: linesOf((n % 5) + 1) }
      case OPS.timer:
        return { type: 'timer' }
      case OPS.closed:
        return { type: 'closed' }
      default:
        return undefined
    }
  }

  #look(action: LaneAction): void {
    if (action.type === 'send') decodeProposal(encodeStatementFrame(action.frame))
    if (action.type === 'abandon') mustBeRefusal(action.error)
    if (action.type !== 'save-statement') return
    const lines = action.lines.map(encodeLine)
    const { value } = openStatement(make.context, action.statement, lines)
    mustHold(value.sequence === this.#saved, 'a statement left out, or twice')
    this.#saved += 1n
  }
}

export const statementTargets: readonly Target[] = [
  {
    name: 'countersigning',
    cost: 'session',
    inputs: proposals(),
    run: (input) => {
      const frame = unlessRefused(() => decodeProposal(input))
      if (frame === undefined) return
      const done = unlessRefused(() => countersignStatement(make.consumerContext, frame, FACTS))
      if (done === undefined) return
      const { lines, value, signatures } = done.statement
      mustHold(signatures.length === 2, 'not signed by both')
      mustHold(
        lines.every((line) => LINES.some((known) => isSameLine(line, known))),
        'signed a line that is not so',
      )
      const sum = lines.reduce((total, { amount }) => total + amount, 0n)
      mustHold(sum === value.amount, 'signed a sum that is not so')
    },
  },
  {
    name: 'statement-lanes',
    cost: 'session',
    inputs: scripts(
      Object.keys(OPS).length,
      framesLike(answerSamples().map(encodeStatementFrame)),
      [Array.from({ length: 6 }, (_, i) => step(i % 2 === 0 ? OPS.state : OPS.countersign, i)), []],
    ),
    run: (input) => {
      const lane = new LaneUnderTest()
      for (const next of readScript(input)) lane.do(next)
    },
  },
]
