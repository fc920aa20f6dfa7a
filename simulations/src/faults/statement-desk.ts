import {
  countersignStatement,
  decodeLine,
  decodeProposal,
  decodeStatementAnswer,
  encodeLine,
  encodeStatementFrame,
  HanseError,
  idleLane,
  type Lane,
  type LaneAction,
  type LaneEvent,
  laneStep,
  leafHash,
  type ProposeFrame,
  picoEuro,
  rootOfLeaves,
  type StatementAnswer,
  signBytes,
  signedFields,
  signRecord,
  statement,
} from '@hanse/protocol'
import type { Host, StreamEnd } from '../kernel/index.ts'
import { CONTEXT, signerNamed } from './cast.ts'
import type { ConsumerPlan, ProviderPlan } from './scenario.ts'
import type { SessionStore } from './session-store.ts'
import type { UnstatedSession } from './statement-book.ts'
import type { World } from './world.ts'

/** Between two rounds of Statements. */
const EVERY_MS = 4_000
/** The provider tells settlement first; if it does not, its consumer does. */
const TELL_AFTER_MS = 60_000

/** The provider's Statements: every few seconds one with each consumer that has bought something. */
export class StatementDesk {
  readonly #world: World
  readonly #host: Host
  readonly #plan: ProviderPlan
  readonly #store: SessionStore
  readonly #onSettled: () => void
  readonly #lanes = new Map<string, Lane>()

  constructor(
    world: World,
    host: Host,
    plan: ProviderPlan,
    store: SessionStore,
    onSettled: () => void,
  ) {
    this.#world = world
    this.#host = host
    this.#plan = plan
    this.#store = store
    this.#onSettled = onSettled
  }

  start(): void {
    // Whether these were signed nobody can know; their sessions are settled by their receipts.
    this.#store.statements.abandonProposed()
    this.#later()
  }

  #later(): void {
    this.#host.after(EVERY_MS, () => {
      this.#round()
      this.#later()
    })
  }

  #round(): void {
    const groups = Map.groupBy(this.#store.statements.unstated(), keyOf)
    for (const [key, sessions] of groups) {
      const lane = this.#lanes.get(key) ?? this.#newLane(sessions)
      if (lane.phase !== 'proposed')
        this.#run(key, lane, { type: 'state', lines: sessions.map(({ line }) => line) })
    }
  }

  #newLane([first]: readonly UnstatedSession[]): Lane {
    if (first === undefined) throw new Error('a group of nothing')
    const { consumer, authorization, residency } = first.order.value
    if (authorization === null) throw new Error('a session without an authorization')
    const lane = this.#store.statements.nextLane(authorization.toString())
    const provider = signerNamed(this.#plan.name).peerId
    return idleLane({ consumer, provider, authorization, residency, lane })
  }

  #run(key: string, before: Lane, event: LaneEvent): void {
    const context = { ...CONTEXT, signer: signerNamed(this.#plan.name) }
    const { state, actions } = laneStep(context, before, event)
    if (state.phase === 'abandoned') this.#lanes.delete(key)
    else this.#lanes.set(key, state)
    for (const action of actions) {
      this.#host.point()
      this.#do(key, state, action)
    }
  }

  #do(key: string, lane: Lane, action: LaneAction): void {
    const { statements } = this.#store
    switch (action.type) {
      case 'save-proposal':
        statements.propose(action.proposal)
        return
      case 'send':
        this.#exchange(key, lane, this.#tamper(action.frame), action.answerMs)
        return
      case 'save-statement':
        statements.sign(action.statement, action.lines, 0)
        this.#world.kernel.count('statement: signed')
        this.#onSettled()
        return
      case 'abandon':
        statements.abandon(action.statement.toString())
        this.#world.kernel.count(`statement: given up: ${action.error.code}`)
        this.#onSettled()
        return
    }
  }

  #exchange(key: string, lane: Lane, frame: ProposeFrame, answerMs: number): void {
    const consumer = this.#world.consumers.find(
      ({ plan }) => signerNamed(plan.name).peerId === lane.terms.consumer,
    )
    let answered = false
    const answer = (event: LaneEvent) => {
      if (answered) return
      answered = true
      this.#run(key, lane, event)
    }
    this.#host.after(answerMs, () => answer({ type: 'timer' }))
    if (consumer === undefined) return
    this.#world.network.connect(this.#host, consumer.host, (end) => {
      if (end === undefined) {
        answer({ type: 'closed' })
        return
      }
      end.onClosed = () => answer({ type: 'closed' })
      end.onFrame = (bytes) => {
        end.end(true)
        try {
          answer({ type: 'answer', answer: decodeStatementAnswer(bytes) })
        } catch (error) {
          if (!(error instanceof HanseError)) throw error
          answer({ type: 'malformed', error })
        }
      }
      end.send(encodeStatementFrame(frame))
    })
  }

  /** A statement over more than its sessions, or over one that never was as it says. */
  #tamper(frame: ProposeFrame): ProposeFrame {
    if (this.#plan.cheat !== 'false-statement') return frame
    const value = statement.decode(frame.statement.bytes)
    // Half of its lanes begin with the truth: a lie may also be about what came before.
    if (value.sequence === 0n && value.from % 2 === 0) return frame
    this.#world.kernel.count('provider cheats: false-statement')
    const signer = signerNamed(this.#plan.name)
    const [first, ...others] = frame.lines.map(decodeLine)
    if (first === undefined) return frame
    const dearer = { ...first, amount: picoEuro(first.amount + 1n) }
    // Some lie in a line, some only in the total.
    const lines = value.to % 2 === 0 ? [dearer, ...others] : [first, ...others]
    const root = rootOfLeaves(lines.map((line) => leafHash(encodeLine(line))))
    const more = { ...value, root, amount: picoEuro(value.amount + 1n) }
    const signed = signRecord(CONTEXT, statement, more, 'provider', signer)
    return { ...frame, statement: signedFields(signed), lines: lines.map(encodeLine) }
  }
}

const keyOf = ({ order: { value } }: UnstatedSession): string =>
  JSON.stringify([value.consumer, value.authorization?.toString(), value.residency])

/** Answers a provider that proposes a Statement. */
export function serveStatement(
  world: World,
  host: Host,
  plan: ConsumerPlan,
  store: SessionStore,
  end: StreamEnd,
  from: Host,
): void {
  end.onFrame = (bytes) => {
    host.point()
    const answer = answerTo(world, host, plan, store, bytes, from)
    host.point()
    if (answer !== undefined) end.send(encodeStatementFrame(answer))
    end.end(true)
  }
}

function answerTo(
  { kernel, monitor }: World,
  host: Host,
  plan: ConsumerPlan,
  store: SessionStore,
  bytes: Uint8Array,
  from: Host,
): StatementAnswer | undefined {
  if (plan.cheat === 'refuse-statements') {
    kernel.count('consumer cheats: refuse-statements')
    return undefined
  }
  const context = { ...CONTEXT, signer: signerNamed(plan.name) }
  try {
    const proposal = decodeProposal(bytes)
    const { provider, sequence } = statement.decode(proposal.statement.bytes)
    if (provider !== signerNamed(from.name).peerId)
      throw new HanseError('HANSE_FORBIDDEN', 'the statement of another provider')
    const { statement: signed, answer } = countersignStatement(context, proposal, {
      session: (order) => store.statements.stated(order.toString()),
      last: ({ authorization, lane }) => store.statements.last(authorization.toString(), lane),
    })
    if (plan.cheat === 'spoil-statements') {
      kernel.count('consumer cheats: spoil-statements')
      const other = signBytes(context, statement, new Uint8Array(3), 'consumer', context.signer)
      return { t: 'countersign', sequence, signature: other.signature }
    }
    store.statements.sign(signed, signed.lines, host.now() + TELL_AFTER_MS)
    if (plan.cheat === undefined) monitor.states(store, signed)
    return answer
  } catch (error) {
    if (!(error instanceof HanseError)) throw error
    kernel.count(`statement: refused: ${error.code}`)
    return { t: 'refuse', sequence: 0n, code: error.code }
  }
}
