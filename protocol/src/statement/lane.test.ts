import { describe, expect, test } from 'vitest'
import { HanseError } from '../errors.ts'
import { picoEuro } from '../money.ts'
import type { Named } from '../record/record.ts'
import type { SignedRecord } from '../record/signed.ts'
import {
  consumer,
  consumerContext,
  context,
  makeAcceptance,
  makeAuthorization,
  makeOrder,
  makeReceipts,
  provider,
  providerContext,
  sign,
  stranger,
} from '../testing/fixtures.ts'
import {
  decodeProposal,
  decodeStatementAnswer,
  encodeStatementFrame,
  type ProposeFrame,
  type StatementAnswer,
} from './frames.ts'
import { idleLane, type Lane, type LaneAction, type LaneEvent, laneStep } from './lane.ts'
import { encodeLine, type StatementLine } from './line.ts'
import { countersignStatement, type StatedSession, type StatementFacts } from './review.ts'
import {
  type LaneTerms,
  openStatement,
  type Statement,
  statement,
  stateSessions,
} from './statement.ts'

const terms: LaneTerms = {
  consumer: consumer.peerId,
  provider: provider.peerId,
  authorization: makeAuthorization().cid,
  residency: { allow: ['EU'], minLevel: 3 },
  lane: 0,
}

/** Sessions that both sides have ended. */
function sessions(count: number, first = 0): { line: StatementLine; known: StatedSession }[] {
  return Array.from({ length: count }, (_, i) => {
    const order = makeOrder({ nonce: new Uint8Array(16).fill(first + i) })
    const accepted = makeAcceptance(order)
    const last = makeReceipts(order, accepted, 1)[0]
    if (last === undefined) throw new Error('no receipt')
    const { sequence, inputTokens, cachedInputTokens, outputTokens, amount, final } = last.value
    return {
      line: {
        order: order.cid,
        receipt: last.cid,
        model: order.value.model,
        sequence,
        inputTokens,
        cachedInputTokens,
        outputTokens,
        amount,
        acceptedAt: accepted.value.at,
        final: final ?? 'completed',
      },
      known: { order: order.value, acceptedAt: accepted.value.at, last, stated: null },
    }
  })
}

/** A consumer that remembers what it signed. */
class Buyer {
  readonly signed: (Named<Statement> & SignedRecord)[] = []
  readonly #sessions: { line: StatementLine; known: StatedSession }[]

  constructor(known: { line: StatementLine; known: StatedSession }[]) {
    this.#sessions = known
  }

  get facts(): StatementFacts {
    return {
      session: (order) => this.#sessions.find(({ line }) => line.order.equals(order))?.known,
      last: ({ lane }) => this.signed.findLast(({ value }) => value.lane === lane),
    }
  }

  answer(frame: ProposeFrame): StatementAnswer {
    const read = decodeProposal(encodeStatementFrame(frame))
    try {
      const { statement: kept, answer } = countersignStatement(consumerContext, read, this.facts)
      this.signed.push(kept)
      return decodeStatementAnswer(encodeStatementFrame(answer))
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      return { t: 'refuse', sequence: 0n, code: error.code }
    }
  }
}

const step = (state: Lane, event: LaneEvent) => laneStep(providerContext, state, event)
const sent = (actions: readonly LaneAction[]): ProposeFrame => {
  const found = actions.find((action) => action.type === 'send')
  if (found === undefined) throw new Error('nothing was sent')
  return found.frame
}
const types = (actions: readonly LaneAction[]) => actions.map(({ type }) => type)
const linesOf = (all: { line: StatementLine }[]) => all.map(({ line }) => line)

describe('a lane', () => {
  test('keeps a proposal before it sends it, and a statement that both signed', () => {
    const all = sessions(5)
    const buyer = new Buyer(all)
    const proposed = step(idleLane(terms), { type: 'state', lines: linesOf(all.slice(0, 3)) })
    expect(types(proposed.actions)).toEqual(['save-proposal', 'send'])
    const answer = buyer.answer(sent(proposed.actions))
    const settled = step(proposed.state, { type: 'answer', answer })
    expect(types(settled.actions)).toEqual(['save-statement'])
    const next = step(settled.state, { type: 'state', lines: linesOf(all.slice(3)) })
    const done = step(next.state, { type: 'answer', answer: buyer.answer(sent(next.actions)) })
    const saved = done.actions.find((action) => action.type === 'save-statement')
    if (saved === undefined) throw new Error('refused')
    const opened = openStatement(context, saved.statement, saved.lines.map(encodeLine))
    expect(opened.value).toMatchObject({ sequence: 1n, sessions: 2, outputTokens: 50n })
    expect(opened.bytes).toEqual(buyer.signed.at(-1)?.bytes)
  })

  test('takes one statement at a time', () => {
    const all = sessions(2)
    const { state } = step(idleLane(terms), { type: 'state', lines: linesOf(all.slice(0, 1)) })
    const again = step(state, { type: 'state', lines: linesOf(all.slice(1)) })
    expect(again.actions).toEqual([])
    expect(again.state).toBe(state)
  })

  test.each<[string, (answer: StatementAnswer) => LaneEvent, string]>([
    ['no answer', () => ({ type: 'timer' }), 'HANSE_SESSION_ABORTED'],
    ['a cut stream', () => ({ type: 'closed' }), 'HANSE_SESSION_ABORTED'],
    [
      'garbage',
      () => ({ type: 'malformed', error: new HanseError('HANSE_FRAME_MALFORMED', 'x') }),
      'HANSE_FRAME_MALFORMED',
    ],
    [
      'a refusal',
      () => ({
        type: 'answer',
        answer: { t: 'refuse', sequence: 0n, code: 'HANSE_STATEMENT_SESSION' },
      }),
      'HANSE_STATEMENT_SESSION',
    ],
    [
      'the signature of another number',
      (answer) => ({ type: 'answer', answer: { ...answer, sequence: 1n } as StatementAnswer }),
      'HANSE_SIGNATURE_INVALID',
    ],
    [
      'a bad signature',
      () => ({
        type: 'answer',
        answer: { t: 'countersign', sequence: 0n, signature: new Uint8Array(64) },
      }),
      'HANSE_SIGNATURE_INVALID',
    ],
  ])('is abandoned for %s, and its sessions go the slow way', (_, event, code) => {
    const all = sessions(2)
    const { state, actions } = step(idleLane(terms), { type: 'state', lines: linesOf(all) })
    const answer = new Buyer(all).answer(sent(actions))
    const left = step(state, event(answer))
    expect(left.state.phase).toBe('abandoned')
    const abandoned = left.actions.find((action) => action.type === 'abandon')
    expect(abandoned?.error.code).toBe(code)
    expect(abandoned?.lines).toEqual(linesOf(all))
    expect(step(left.state, { type: 'answer', answer }).actions).toEqual([])
  })
})

describe('a consumer', () => {
  const all = sessions(3)
  const [one, two, three] = all
  if (one === undefined || two === undefined || three === undefined) throw new Error('too few')

  /** What the consumer says to a statement that an honest provider would not make. */
  function says(
    change: {
      lines?: StatementLine[]
      terms?: Partial<LaneTerms>
      value?: Partial<Statement>
      known?: Partial<StatedSession>
      signer?: typeof provider
      before?: boolean
    } = {},
  ): string {
    const buyer = new Buyer(
      all.map(({ line, known }) => ({ line, known: { ...known, ...change.known } })),
    )
    if (change.before === true) {
      const first = step(idleLane(terms), {
        type: 'state',
        lines: [linesOf(all)[2] as StatementLine],
      })
      buyer.answer(sent(first.actions))
    }
    const lines = change.lines ?? [one?.line, two?.line].filter((line) => line !== undefined)
    const value = {
      ...stateSessions({ ...terms, ...change.terms }, undefined, lines),
      ...change.value,
    }
    const signer = change.signer ?? provider
    const { bytes, signatures } = sign(statement, value, 'provider', signer)
    const answer = buyer.answer({
      t: 'propose',
      statement: { bytes, signatures: [...signatures] },
      lines: lines.map(encodeLine),
    })
    return answer.t === 'refuse' ? answer.code : 'countersigned'
  }

  test('countersigns what it knows', () => expect(says()).toBe('countersigned'))

  test('gives the same signature to the same proposal again', () => {
    const buyer = new Buyer(all)
    const { actions } = step(idleLane(terms), { type: 'state', lines: linesOf(all) })
    expect(buyer.answer(sent(actions))).toEqual(buyer.answer(sent(actions)))
  })

  test.each<[string, Parameters<typeof says>[0], string]>([
    [
      'more than the receipt says',
      { lines: [{ ...one.line, amount: picoEuro(one.line.amount + 1n) }] },
      'HANSE_STATEMENT_SESSION',
    ],
    [
      'more tokens than the receipt says',
      { lines: [{ ...one.line, outputTokens: 99n }] },
      'HANSE_STATEMENT_SESSION',
    ],
    [
      'another receipt',
      { lines: [{ ...one.line, receipt: two.line.receipt }] },
      'HANSE_STATEMENT_SESSION',
    ],
    ['another model', { lines: [{ ...one.line, model: 'a/b' }] }, 'HANSE_STATEMENT_SESSION'],
    [
      'a session it never had',
      { lines: [{ ...one.line, order: one.line.receipt }] },
      'HANSE_STATEMENT_SESSION',
    ],
    [
      'a session that was stated before',
      { known: { stated: one.line.receipt } },
      'HANSE_STATEMENT_SESSION',
    ],
    [
      'sessions of another authorization',
      { terms: { authorization: makeOrder().cid } },
      'HANSE_STATEMENT_SESSION',
    ],
    [
      'sessions of another policy',
      { terms: { residency: { allow: [], minLevel: 0 } } },
      'HANSE_STATEMENT_SESSION',
    ],
    [
      'somebody else’s statement',
      { terms: { consumer: stranger.peerId } },
      'HANSE_STATEMENT_SESSION',
    ],
    [
      'a statement of another provider',
      { terms: { provider: stranger.peerId }, signer: stranger },
      'HANSE_STATEMENT_SESSION',
    ],
    ['an unsigned statement', { signer: stranger }, 'HANSE_SIGNATURE_MISSING'],
    ['totals that are too high', { value: { amount: picoEuro(1n) } }, 'HANSE_STATEMENT_TOTALS'],
    ['a second statement of one number', { before: true }, 'HANSE_STATEMENT_SEQUENCE'],
  ])('refuses %s', (_, change, code) => expect(says(change)).toBe(code))
})
