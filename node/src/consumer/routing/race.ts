import { HanseError } from '@hanse/protocol'
import { type Fault, mayGoOn, mostTelling, type Verdict } from './verdict.ts'

/** One provider that is asked. */
export interface Contender<Token> {
  /** Resolves with the first token. The signal ends the order when another one was faster, or nobody waits any more. */
  order(signal: AbortSignal): Promise<Token>
  /** When to ask another one as well, ms after the order; `undefined` for never. */
  readonly patienceMs: number | undefined
  /** The same, where that is worth paying two for: a hedge, if one is left. */
  readonly hedgeMs: number | undefined
  /** It won; with what it has. */
  won(token: Token): void
  /** It came to nothing. @returns what that says of the provider */
  failed(error: HanseError, cancelled: boolean): Verdict
  /** Another one was faster, or nobody waits any more. */
  lost(): void
  /** Its first token came after it had lost. */
  discard(token: Token): void
}

export interface RaceOptions<Token> {
  /** The next best; `undefined` when there is nobody left to ask. */
  readonly next: () => Contender<Token> | undefined
  readonly hasNext: () => boolean
  /** Whether one more hedge is within its share; takes it. */
  readonly takeHedge: () => boolean
  /** Whether anyone else is asked after the first. */
  readonly mayFallBack: boolean
  /** Whether what one provider finds wrong with the request ends it: it does, unless engines differ on just that. */
  readonly believesRefusals: boolean
  /** Calls once, unless it is taken back. */
  readonly timer: (ms: number, run: () => void) => () => void
  readonly now: () => number
  /** When an answer is no use any more, ms. */
  readonly until: number
  readonly signal: AbortSignal
}

/**
 * Asks one provider after the other until one has sent its first token: the next at once when one fails, and one more when
 * one takes too long. The others are then cancelled.
 *
 * @throws {HanseError} the most telling fault; HANSE_NO_PROVIDER when there was nobody to ask
 */
export function race<Token>(options: RaceOptions<Token>): Promise<Token> {
  return new Race(options).run()
}

class Race<Token> {
  readonly #options: RaceOptions<Token>
  readonly #done = Promise.withResolvers<Token>()
  /** Those that run, and how to end their orders and timers. */
  readonly #running = new Map<
    Contender<Token>,
    { abort: AbortController; timers: (() => void)[] }
  >()
  readonly #faults: Fault[] = []
  #over = false

  constructor(options: RaceOptions<Token>) {
    this.#options = options
  }

  async run(): Promise<Token> {
    const { signal, until, now, timer } = this.#options
    const onAbort = () => this.#fail(cancelled(signal.reason))
    if (signal.aborted) throw cancelled(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const clearDeadline = timer(Math.max(0, until - now()), () => this.#fail(this.#late()))
    try {
      this.#start()
      return await this.#done.promise
    } finally {
      clearDeadline()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Asks the next one. Without anyone left, those that run are waited for. */
  #start(): void {
    const contender = this.#options.next()
    if (contender !== undefined) {
      this.#ask(contender)
      return
    }
    if (this.#running.size > 0) return
    const none = new HanseError('HANSE_NO_PROVIDER', 'there is no provider left to ask')
    this.#fail(mostTelling(this.#faults) ?? none)
  }

  #ask(contender: Contender<Token>): void {
    const abort = new AbortController()
    this.#running.set(contender, { abort, timers: this.#watch(contender) })
    contender.order(abort.signal).then(
      (token) => this.#onToken(contender, token),
      (error: unknown) => this.#onFault(contender, asFault(error), abort.signal.aborted),
    )
  }

  /** One more is asked beside one that is late; it stays in the race. */
  #watch({ hedgeMs, patienceMs }: Contender<Token>): (() => void)[] {
    const { timer, takeHedge, mayFallBack, hasNext } = this.#options
    if (!mayFallBack) return []
    const also = (ms: number, may: () => boolean) =>
      timer(ms, () => {
        if (!this.#over && hasNext() && may()) this.#start()
      })
    return [
      ...(hedgeMs === undefined ? [] : [also(hedgeMs, takeHedge)]),
      ...(patienceMs === undefined ? [] : [also(patienceMs, () => true)]),
    ]
  }

  #onToken(contender: Contender<Token>, token: Token): void {
    if (this.#over) {
      contender.discard(token)
      return
    }
    this.#stop(contender)
    contender.won(token)
    this.#end()
    this.#done.resolve(token)
  }

  #onFault(contender: Contender<Token>, error: HanseError, aborted: boolean): void {
    this.#stop(contender)
    const verdict = contender.failed(error, aborted)
    if (this.#over) return
    this.#faults.push({ error, verdict })
    const { mayFallBack, now, until } = this.#options
    if (!mayFallBack || this.#isFinal(error, verdict))
      this.#fail(mostTelling(this.#faults) ?? error)
    else if (now() >= until) this.#fail(this.#late())
    // Where a second one runs already, that is the next one.
    else if (this.#running.size === 0) this.#start()
  }

  #isFinal({ code }: HanseError, verdict: Verdict): boolean {
    if (verdict === 'request' && !this.#options.believesRefusals) return false
    return !mayGoOn(code, verdict)
  }

  #late(): HanseError {
    const error = new HanseError('HANSE_SESSION_DEADLINE', 'nobody answered in time')
    return mostTelling([...this.#faults, { error, verdict: 'failed' }]) ?? error
  }

  #fail(error: HanseError): void {
    if (this.#over) return
    this.#end()
    this.#done.reject(error)
  }

  #end(): void {
    this.#over = true
    for (const [contender, { abort }] of this.#running) {
      contender.lost()
      abort.abort()
    }
    for (const contender of this.#running.keys()) this.#stop(contender)
  }

  #stop(contender: Contender<Token>): void {
    for (const clear of this.#running.get(contender)?.timers ?? []) clear()
    this.#running.delete(contender)
  }
}

function cancelled(cause: unknown): HanseError {
  return new HanseError('HANSE_SESSION_CANCELLED', 'the client went away', { cause })
}

function asFault(error: unknown): HanseError {
  return error instanceof HanseError
    ? error
    : new HanseError('HANSE_INTERNAL', 'the request failed in this node', { cause: error })
}
