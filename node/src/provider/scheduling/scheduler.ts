import { CONSUMER_LIMITS, HanseError } from '@hanse/protocol'
import { AnswerMeter } from './answer-meter.ts'
import { type ModelLimits, type Priority, type Refusal, SlotBoard } from './slot-board.ts'

export interface SchedulerOptions {
  readonly models: ReadonlyMap<string, ModelLimits>
  /** Of all models together, for those that share a GPU; `undefined` where they do not. */
  readonly machineSlots?: number | undefined
  /** Peers that go first. */
  readonly ownerPeers?: readonly string[]
  /** How long an order may wait for a slot, ms. */
  readonly patienceMs?: number
  readonly now: () => number
  /** Calls once, unless it is taken back; by the clock of the machine when left out. */
  readonly timer?: (ms: number, run: () => void) => () => void
}

export interface SlotAsk {
  readonly model: string
  readonly consumer: string
  /** Settlement vouches for what it will owe. */
  readonly authorized: boolean
  readonly inputTokens: number
  readonly maxOutputTokens: number
  readonly deadlineMs: number
}

/** What is at work on a model. */
export interface Load {
  readonly slots: number
  readonly busy: number
  readonly queued: number
}

/** A consumer gives an order up after 15 s without an answer; this leaves 3 s for prompt, review and the way back. */
export const QUEUE_WAIT_MS = CONSUMER_LIMITS.acceptMs - 3_000

interface Waiter {
  readonly resolve: (lease: Lease) => void
  readonly reject: (error: HanseError) => void
}

/** Hands out slots by the rules of `SlotBoard`: this is the shell with promises, timers and signals around them. */
export class Scheduler implements Disposable {
  readonly #options: SchedulerOptions
  readonly #board: SlotBoard
  readonly #waiters = new Map<number, Waiter>()
  readonly #owners: ReadonlySet<string>
  #nextId = 1
  #closed = false

  constructor(options: SchedulerOptions) {
    this.#options = options
    const { models, machineSlots, patienceMs = QUEUE_WAIT_MS, ownerPeers = [] } = options
    this.#owners = new Set(ownerPeers)
    this.#board = new SlotBoard({ models, machineSlots, patienceMs })
  }

  /** Orders that wait are told that the provider shuts down; those that run go on. */
  [Symbol.dispose](): void {
    this.#closed = true
    for (const [id, waiter] of this.#waiters) {
      this.#board.leave(id)
      waiter.reject(shuttingDown())
    }
  }

  /** Slots that a stranger would get at once. */
  free(model: string): number {
    return this.#board.free(model)
  }

  load(model: string): Load {
    const slots = this.#options.models.get(model)?.slots ?? 0
    return { slots, busy: this.#board.busy(model), queued: this.#board.queued(model) }
  }

  /** Answers of all models that hold a slot. */
  get running(): number {
    return this.#board.running
  }

  /** Of one answer, as measured lately; `null` before the first. */
  tokensPerSecond(model: string): number | null {
    return this.#board.speed(model)?.tokensPerSecond ?? null
  }

  /** Of all answers of a model together, and of prompts; `undefined` while not measured. */
  throughput(model: string): {
    readonly outputTokensPerSecond: number | undefined
    readonly inputTokensPerSecond: number | undefined
  } {
    return {
      outputTokensPerSecond: this.#board.throughput(model),
      inputTokensPerSecond: this.#board.speed(model)?.inputTokensPerSecond,
    }
  }

  /**
   * A slot, at once or after a wait.
   *
   * @throws {HanseError} HANSE_CAPACITY, HANSE_DEADLINE_UNREACHABLE, HANSE_DRAINING;
   *   HANSE_SESSION_CANCELLED when `signal` is aborted
   */
  async acquire(ask: SlotAsk, signal: AbortSignal): Promise<Lease> {
    const { now } = this.#options
    if (signal.aborted) throw cancelled()
    if (this.#closed) throw shuttingDown()
    const id = this.#nextId++
    const request = { ...ask, id, priority: this.#priority(ask) }
    const placement = this.#board.place(request, now())
    if (placement.type === 'refused') throw asError(placement.refusal)
    if (placement.type === 'granted') return this.#lease(id, ask.inputTokens)
    if (placement.displaced !== undefined) {
      const { id: displaced, refusal } = placement.displaced
      this.#waiters.get(displaced)?.reject(asError(refusal))
    }
    return await this.#wait(id, ask, placement.patienceMs, signal)
  }

  /** Until `#grant` or somebody else settles the promise; whichever way, timer and listener are gone. */
  async #wait(id: number, ask: SlotAsk, patienceMs: number, signal: AbortSignal): Promise<Lease> {
    const { promise, resolve, reject } = Promise.withResolvers<Lease>()
    this.#waiters.set(id, { resolve, reject })
    const giveUp = (error: HanseError) => {
      this.#board.leave(id)
      reject(error)
    }
    const onAbort = () => giveUp(cancelled())
    const { now, timer = machineTimer } = this.#options
    const clear = timer(patienceMs, () => giveUp(asError(this.#board.tooLate(ask.model, now()))))
    signal.addEventListener('abort', onAbort, { once: true })
    this.#grant()
    try {
      return await promise
    } finally {
      clear()
      signal.removeEventListener('abort', onAbort)
      this.#waiters.delete(id)
    }
  }

  #grant(): void {
    for (const { id, inputTokens } of this.#board.grants(this.#options.now())) {
      const waiter = this.#waiters.get(id)
      // Settled in this very turn: it has a slot as far as the board knows, so that has to come back.
      if (waiter === undefined) throw new Error('granted to nobody')
      this.#waiters.delete(id)
      waiter.resolve(this.#lease(id, inputTokens))
    }
  }

  #lease(id: number, inputTokens: number): Lease {
    const { now } = this.#options
    return new Lease(new AnswerMeter(inputTokens, now()), now, {
      onTokens: (count, at) => this.#board.progress(id, count, at),
      onRelease: (sample) => {
        this.#board.finish(id, sample, now())
        this.#grant()
      },
    })
  }

  #priority({ consumer, authorized }: SlotAsk): Priority {
    if (this.#owners.has(consumer)) return 'owner'
    return authorized ? 'authorized' : 'unsecured'
  }
}

function machineTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

interface LeaseHandlers {
  readonly onTokens: (count: number, now: number) => void
  readonly onRelease: (sample: ReturnType<AnswerMeter['sample']> | undefined) => void
}

/** A slot that is held, and the clock that runs on it. */
export class Lease {
  readonly #meter: AnswerMeter
  readonly #now: () => number
  readonly #handlers: LeaseHandlers
  #started = false
  #whole = false
  #released = false

  constructor(meter: AnswerMeter, now: () => number, handlers: LeaseHandlers) {
    this.#meter = meter
    this.#now = now
    this.#handlers = handlers
  }

  /** The engine is asked: from here on the consumer is charged. */
  onStart(): void {
    this.#started = true
  }

  onFirstToken(): void {
    this.#started = true
    this.#meter.firstToken(this.#now())
  }

  onTokens(count: number): void {
    if (this.#released) return
    const now = this.#now()
    this.#started = true
    this.#meter.tokens(count, now)
    this.#handlers.onTokens(count, now)
  }

  /** The engine was held back since the last tokens; the next ones say nothing of its speed. */
  onStall(): void {
    this.#meter.stall()
  }

  /** The engine came to an end by itself. */
  onEnd(): void {
    this.#whole = true
  }

  /** Gives the slot back; again changes nothing. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.#handlers.onRelease(this.#started ? this.#meter.sample(this.#whole) : undefined)
  }
}

function asError({ code, message, retryAfterMs }: Refusal): HanseError {
  return new HanseError(code, message, retryAfterMs === undefined ? {} : { retryAfterMs })
}

function shuttingDown(): HanseError {
  return new HanseError('HANSE_DRAINING', 'the provider is shutting down')
}

function cancelled(): HanseError {
  return new HanseError('HANSE_SESSION_CANCELLED', 'the consumer left the queue')
}
