import {
  decodeStatementAnswer,
  encodeStatementFrame,
  HanseError,
  idleLane,
  type Lane,
  type LaneAction,
  type LaneEvent,
  type LaneTerms,
  laneStep,
  type Signer,
  type SigningContext,
  STATEMENT_PROTOCOL,
  STATEMENT_SESSIONS_MAX,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { FrameStream, Network } from '../network/index.ts'
import type { StatementStore, UnstatedSession } from '../store/statement-store.ts'

export interface StatementDeskOptions {
  readonly context: SigningContext & { readonly signer: Signer }
  readonly store: StatementStore
  readonly network: Pick<Network, 'openStream'>
  /** Between two rounds of Statements, ms. */
  readonly everyMs: number
  readonly log: FastifyBaseLogger
  /** Statements were signed or given up: settlement can be told. */
  readonly onSettled: () => void
}

/** A consumer that bought just now is still connected; whoever has left is not run after. */
const OPEN_STREAM_MS = 3_000
/** Sessions looked at in one round: more than two cores can serve in a few seconds. */
const ROUND_SESSIONS_MAX = 4 * STATEMENT_SESSIONS_MAX

/** The provider's Statements: every few seconds one with each consumer that has bought something. */
export class StatementDesk implements AsyncDisposable {
  readonly #options: StatementDeskOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #timer: NodeJS.Timeout
  /** The last round could not write down how it ended. */
  #isTorn = false
  #running: Promise<void> | undefined

  constructor(options: StatementDeskOptions) {
    this.#options = options
    // Whether these were signed nobody can know; their sessions are settled by their receipts.
    options.store.abandonProposed()
    this.#timer = setInterval(() => void this.flush(), options.everyMs)
  }

  /** Proposes what there is now; resolves when all have answered or been given up. Never rejects. */
  async flush(): Promise<void> {
    this.#running ??= this.#round()
      .catch((cause: unknown) => {
        // The store, on a full disk: lanes begin anew.
        this.#lanes.clear()
        this.#isTorn = true
        this.#options.log.error(
          { code: 'HANSE_DISK_FULL', cause: cause instanceof Error ? cause.message : '' },
          'statements cannot be written down',
        )
      })
      .finally(() => {
        this.#running = undefined
      })
    await this.#running
  }

  /** One last round; what is still unsigned then is settled by receipts. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
    await this.flush()
  }

  async #round(): Promise<void> {
    if (this.#isTorn) this.#options.store.abandonProposed()
    this.#isTorn = false
    const groups = Map.groupBy(this.#options.store.unstated(ROUND_SESSIONS_MAX), keyOf)
    const settled = [...groups].map(([key, sessions]) => this.#propose(key, sessions))
    const ends = await Promise.allSettled(settled)
    if (settled.length > 0) this.#options.onSettled()
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  async #propose(key: string, sessions: readonly UnstatedSession[]): Promise<void> {
    const lane = this.#lanes.get(key) ?? this.#newLane(sessions)
    if (lane === undefined) return
    const lines = sessions.slice(0, STATEMENT_SESSIONS_MAX).map(({ line }) => line)
    await this.#run(key, lane, { type: 'state', lines })
  }

  #newLane(sessions: readonly UnstatedSession[]): Lane | undefined {
    const { context, store } = this.#options
    const { consumer, authorization, residency } = sessions[0]?.order.value ?? {}
    if (consumer === undefined || residency === undefined) return undefined
    if (authorization === undefined || authorization === null) return undefined
    const provider = context.signer.peerId
    const lane = store.nextLane(authorization)
    const terms: LaneTerms = { consumer, provider, authorization, residency, lane }
    return idleLane(terms)
  }

  async #run(key: string, before: Lane, event: LaneEvent): Promise<void> {
    const { state, actions } = laneStep(this.#options.context, before, event)
    if (state.phase === 'abandoned') this.#lanes.delete(key)
    else this.#lanes.set(key, state)
    const frame = this.#keep(state, actions)
    if (frame !== undefined) await this.#run(key, state, await this.#exchange(state, frame))
  }

  /** Does what is to be done here. @returns the frame to send, if any */
  #keep(
    { terms }: Lane,
    actions: readonly LaneAction[],
  ): Extract<LaneAction, { type: 'send' }> | undefined {
    const { store, log } = this.#options
    for (const action of actions) {
      switch (action.type) {
        case 'save-proposal':
          store.propose(action.proposal)
          break
        case 'save-statement':
          store.sign('provider', action.statement, action.lines, 0)
          log.info(facts(action), 'statement signed by both sides')
          break
        case 'abandon': {
          store.abandon(action.statement.toString())
          const { code, message } = action.error
          log.warn({ consumer: terms.consumer, code }, `statement given up: ${message}`)
          break
        }
        case 'send':
          break
      }
    }
    return actions.find((action) => action.type === 'send')
  }

  async #exchange(
    { terms }: Lane,
    { frame, answerMs }: Extract<LaneAction, { type: 'send' }>,
  ): Promise<LaneEvent> {
    const timeout = AbortSignal.timeout(answerMs)
    let frames: FrameStream | undefined
    try {
      const signal = AbortSignal.timeout(OPEN_STREAM_MS)
      const opened = await this.#options.network.openStream(terms.consumer, STATEMENT_PROTOCOL, {
        signal,
      })
      frames = opened.frames
      frames.write(encodeStatementFrame(frame))
      const answer = await firstFrame(frames, timeout)
      return answer === undefined
        ? { type: 'closed' }
        : { type: 'answer', answer: decodeStatementAnswer(answer) }
    } catch (error) {
      if (error instanceof HanseError) return { type: 'malformed', error }
      return { type: timeout.aborted ? 'timer' : 'closed' }
    } finally {
      await frames?.end().catch(() => {})
    }
  }
}

/** The first frame that comes; `undefined` when the stream ends before. @throws the signal's reason */
export async function firstFrame(
  frames: FrameStream,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const gone = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  const batch = await Promise.race([frames.readBatch(), gone])
  return batch?.[0]
}

function keyOf({ order: { value } }: UnstatedSession): string {
  const { consumer, authorization, residency } = value
  return JSON.stringify([consumer, authorization?.toString(), residency])
}

function facts({
  statement: { cid, value },
}: Extract<LaneAction, { type: 'save-statement' }>): Record<string, unknown> {
  const { lane, sequence, sessions, amount } = value
  const text = { sequence: sequence.toString(), amount: amount.toString() }
  return { statement: cid.toString(), lane, sessions, ...text }
}
