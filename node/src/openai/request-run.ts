import { ERRORS, type ErrorCode, type HanseError } from '@hanse/protocol'
import type { Answer } from '../consumer/answer.ts'
import type { SessionOutcome } from '../consumer/session-client.ts'
import type { Admission, RequestFacts } from './admission.ts'
import type { Costs } from './costs.ts'

/** What became of a request, for whoever keeps books. Never a word of the prompt or the answer. */
export interface RequestRecord {
  readonly facts: RequestFacts
  readonly caller: string
  /** When it came, ms since 1970. */
  readonly at: number
  /** Until the answer began, ms; `undefined` when it did not. */
  readonly firstMs: number | undefined
  readonly totalMs: number
  readonly status: number
  readonly error: ErrorCode | undefined
  /** It was answered from memory: nobody was paid for it. */
  readonly replayed: boolean
  readonly inputTokens: number
  readonly outputTokens: number
  /** One for each choice. */
  readonly answers: readonly Answer[]
  /** Of every session that was opened for it. */
  readonly outcomes: readonly SessionOutcome[]
}

export interface RunOptions {
  readonly facts: RequestFacts
  readonly caller: string
  readonly now: () => number
  readonly admission: Pick<Admission, 'onEnd'>
  readonly onEnd: ((record: RequestRecord) => void) | undefined
}

type Tokens = Pick<Costs, 'inputTokens' | 'outputTokens'>

/** Follows one admitted request to the end of the last session that was opened for it. */
export class RequestRun {
  readonly #options: RunOptions
  readonly #at: number
  #firstMs: number | undefined
  #answers: () => readonly Answer[] = () => []
  #ended = false

  constructor(options: RunOptions) {
    this.#options = options
    this.#at = options.now()
  }

  /** @param answers grows while choices begin */
  begun(answers: () => readonly Answer[]): void {
    this.#answers = answers
    this.#firstMs = this.#options.now() - this.#at
  }

  whole(tokens: Tokens): void {
    this.#end({ status: 200, error: undefined, replayed: false }, tokens)
  }

  /** @param status that the client got: of a stream that breaks it is 200 */
  failed(fault: HanseError, status: number = ERRORS[fault.code].http): void {
    this.#end({ status, error: fault.code, replayed: false })
  }

  replayed(): void {
    this.#end({ status: 200, error: undefined, replayed: true })
  }

  #end(end: Pick<RequestRecord, 'status' | 'error' | 'replayed'>, tokens?: Tokens): void {
    if (this.#ended) return
    this.#ended = true
    const { facts, caller, now, admission, onEnd } = this.#options
    const answers = this.#answers()
    const times = { at: this.#at, firstMs: this.#firstMs, totalMs: now() - this.#at }
    // A bill is there when every session has ended, also of those that lost a race.
    void Promise.all(answers.map(({ bill }) => bill)).then((bills) => {
      const outcomes = bills.flatMap(({ sessions }) => sessions)
      const paid = (field: keyof Tokens) =>
        Number(outcomes.reduce((sum, { last }) => sum + (last?.[field] ?? 0n), 0n))
      const inputTokens = tokens?.inputTokens ?? paid('inputTokens')
      const outputTokens = tokens?.outputTokens ?? paid('outputTokens')
      const sessions = outcomes.map(({ session }) => session)
      admission.onEnd?.({ ...end, inputTokens, outputTokens, sessions })
      onEnd?.({ facts, caller, ...times, ...end, inputTokens, outputTokens, answers, outcomes })
    })
  }
}
