import {
  asHanseError,
  type FinalReason,
  HanseError,
  isAnswered,
  type PicoEuro,
  picoEuro,
} from '@hanse/protocol'
import { CID } from 'multiformats/cid'
import { encodeJson } from '../../engine/json.ts'
import type { Answer, AnswerPart, Bill } from '../answer.ts'
import type { OrderTerms, Purchase } from '../buyer.ts'
import type { BeginTerms } from '../first-token.ts'
import type { InferenceRequest } from '../request.ts'
import type { SessionOutcome } from '../session-client.ts'
import { Delivered } from './delivered.ts'
import { type Failover, type FailoverSettings, isPassing, mayDoBetter } from './failover.ts'
import { Joint, type TokensBefore, usageOf } from './joint.ts'
import { StallWatch } from './stall-watch.ts'
import { choiceCount, mayHoldBack, type Way, waysOn } from './ways-on.ts'

export interface ContinuedAnswerOptions {
  readonly settings: FailoverSettings
  /** Every session that is opened for this answer; grows. */
  readonly sessions: readonly Promise<SessionOutcome>[]
  /** Orders elsewhere; see `Consumer.begin`. */
  readonly begin: (request: InferenceRequest, terms: BeginTerms) => Promise<Purchase>
  readonly now: () => number
  /** Calls once, unless it is taken back. */
  readonly timer: (ms: number, run: () => void) => () => void
  /** What a failure says about the provider. */
  readonly learn: (provider: string, fault: HanseError) => void
  readonly onFailover?: ((failover: Failover) => void) | undefined
}

/** Reading a prompt takes longer than a token: the silence before the first text may be so many times as long. */
const FIRST_PATIENCE = 4

/** An engine that tells a tool call as a whole is silent until it has it: as long as providers wait for their engines, ms. */
const HELD_BACK_MS = 180_000

/** Between attempts to go on, ms: slots come free within seconds, and nobody looks at half an answer for long. */
const PAUSES_MS = [250, 1_000, 3_000] as const
const PAUSE_MS_MAX = 5_000

/**
 * An answer that another provider goes on with when one stops in the middle. Nothing that was passed on is ever taken back,
 * and an answer that cannot be completed ends with an error.
 */
export class ContinuedAnswer implements Answer {
  readonly session: string
  readonly provider: string
  readonly country: string
  readonly model: string
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  readonly outcome: Promise<SessionOutcome>
  readonly payloads: AsyncIterable<readonly Uint8Array[]>
  readonly bill: Promise<Bill>

  readonly #request: InferenceRequest
  readonly #terms: OrderTerms
  readonly #options: ContinuedAnswerOptions
  readonly #parts: AnswerPart[]
  readonly #delivered = new Delivered()
  /** Peer ids of those that have failed this answer. */
  readonly #failed = new Set<string>()
  /** No more sessions come. */
  readonly #settled = Promise.withResolvers<void>()
  /** Ends an order that is about to be made elsewhere. */
  readonly #stop = new AbortController()
  #tokens: TokensBefore = { input: 0, output: 0 }
  #way: Way | undefined
  #joint: Joint | undefined
  #purchase: Purchase
  #stalled = false
  #diverged: HanseError | undefined
  #ordering = false

  constructor(
    purchase: Purchase,
    request: InferenceRequest,
    terms: OrderTerms,
    options: ContinuedAnswerOptions,
  ) {
    const first = partOf(purchase)
    this.session = first.session
    this.provider = first.provider
    this.country = first.country
    this.model = first.model
    this.inputPrice = first.inputPrice
    this.outputPrice = first.outputPrice
    this.outcome = first.outcome
    this.payloads = { [Symbol.asyncIterator]: () => this.#read() }
    this.#request = request
    this.#terms = terms
    this.#options = options
    this.#parts = [first]
    this.#purchase = purchase
    this.bill = this.#settled.promise.then(async () => billOf(await Promise.all(options.sessions)))
    this.#follow(purchase)
  }

  get parts(): readonly AnswerPart[] {
    return this.#parts
  }

  cancel(): void {
    this.#stop.abort()
    this.#purchase.cancel()
    if (!this.#ordering) this.#settled.resolve()
  }

  async *#read(): AsyncGenerator<readonly Uint8Array[]> {
    for (;;) {
      let fault: HanseError | undefined
      const watch = this.#watch()
      try {
        for await (const payloads of this.#purchase.payloads) {
          watch.heard(payloads.length)
          const passed = this.#joint === undefined ? payloads : this.#join(this.#joint, payloads)
          this.#delivered.add(passed)
          if (passed.length > 0) yield passed
          watch.wait()
        }
      } catch (error) {
        fault = asHanseError(error)
      } finally {
        watch.stop()
      }
      const rest = await this.#endPart(fault)
      if (rest === undefined) continue
      if (rest.length > 0) yield rest
      return
    }
  }

  #watch(): StallWatch {
    const { stallMs } = this.#options.settings
    const watch = new StallWatch(stallMs, {
      patience: (payloads) => {
        const first = payloads < 2 ? FIRST_PATIENCE : 1
        return mayHoldBack(this.#request) ? Math.max(first, HELD_BACK_MS / stallMs) : first
      },
      onStall: () => {
        this.#stalled = true
        this.#purchase.cancel()
      },
    })
    watch.wait()
    return watch
  }

  #join(joint: Joint, payloads: readonly Uint8Array[]): readonly Uint8Array[] {
    try {
      return joint.push(payloads)
    } catch (error) {
      // What it has said is paid for, and of no use.
      this.#diverged = asHanseError(error)
      this.#purchase.cancel()
      throw this.#diverged
    }
  }

  /**
   * What is left to say after a part has ended; `undefined` when another provider goes on.
   *
   * @throws {HanseError} when nobody can
   */
  async #endPart(fault: HanseError | undefined): Promise<readonly Uint8Array[] | undefined> {
    const outcome = await this.#purchase.outcome
    this.#count(outcome)
    try {
      if (fault === undefined) return this.#joint === undefined ? [] : this.#closing()
      if (this.#diverged !== undefined || this.#isCancelled) throw fault
      if (this.#isWhole()) return this.#closing()
      const { maxOutputTokens } = this.#request
      const isFull = maxOutputTokens !== undefined && this.#tokens.output >= maxOutputTokens
      if (isFull && choiceCount(this.#request) === 1) return [this.#finish(), ...this.#closing()]
      const reason = this.#stalled && outcome.reason === 'cancelled' ? 'stalled' : outcome.reason
      const why = reason === 'stalled' ? this.#silence() : fault
      if (!this.#mayGoOn(reason)) throw why
      await this.#goOn(reason, why)
      return undefined
    } finally {
      if (this.#purchase.session === outcome.session) this.#settled.resolve()
    }
  }

  get #isCancelled(): boolean {
    return this.#stop.signal.aborted || this.#terms.signal.aborted
  }

  /** The client has all of it, whatever became of the session after that. */
  #isWhole(): boolean {
    if (this.#request.kind === 'embedding') return this.#delivered.payloads > 0
    return this.#delivered.read().finished.size >= choiceCount(this.#request)
  }

  #mayGoOn(reason: FinalReason | 'stalled'): boolean {
    const { settings, now } = this.#options
    return (
      (reason === 'stalled' || mayDoBetter(reason)) &&
      this.#parts.length <= settings.max &&
      this.#request.policy.allowFallbacks !== false &&
      this.#request.kind !== 'embedding' &&
      now() < this.#terms.until
    )
  }

  async #goOn(reason: FinalReason | 'stalled', fault: HanseError): Promise<void> {
    const { policy } = this.#request
    const delivered = this.#delivered.read()
    const ways = waysOn(this.#request, delivered, this.#tokens.output, this.#purchase.digest)
    const chosen = new Map<InferenceRequest, Way>()
    const from = this.#parts.at(-1) ?? partOf(this.#purchase)
    this.#failed.add(from.provider)
    this.#ordering = true
    const purchase = await this.#beginElsewhere(
      // The same model, and nobody is raced: each one would read the whole of it.
      { ...this.#request, model: from.model, policy: { ...policy, models: [], hedge: false } },
      {
        ...this.#terms,
        signal: AbortSignal.any([this.#terms.signal, this.#stop.signal]),
        exclude: this.#failed,
        continues: CID.parse(from.session),
        requestFor: (model) => {
          const way = ways.at(model)
          if (way !== undefined) chosen.set(way.request, way)
          return way?.request
        },
      },
    )
      .catch((cause: unknown) => {
        const { message } = asHanseError(cause)
        throw new HanseError(fault.code, `${fault.message}; nobody goes on: ${message}`, { cause })
      })
      .finally(() => {
        this.#ordering = false
      })
    const way = chosen.get(purchase.request)
    if (way === undefined) throw new HanseError('HANSE_INTERNAL', 'another request was ordered')
    const to = partOf(purchase)
    this.#parts.push(to)
    this.#way = way
    this.#joint = new Joint(way, delivered, this.#tokens)
    this.#purchase = purchase
    this.#stalled = false
    this.#follow(purchase)
    const deliveredTokens = this.#tokens.output
    this.#options.onFailover?.({ from, to, reason, method: way.method, deliveredTokens })
  }

  /** The client cannot ask for the middle of an answer again: where those who could go on cannot just now, this waits. */
  async #beginElsewhere(request: InferenceRequest, terms: BeginTerms): Promise<Purchase> {
    const { begin, now } = this.#options
    let passes = false
    for (const pauseMs of PAUSES_MS) {
      try {
        return await begin(request, terms)
      } catch (error) {
        const fault = asHanseError(error)
        const ms = Math.max(pauseMs, Math.min(fault.retryAfterMs ?? 0, PAUSE_MS_MAX))
        // Whoever could not be reached is not on the list until it is heard of again.
        passes ||= isPassing(fault)
        if (!passes || this.#isCancelled || now() + ms >= terms.until) throw error
        await this.#pause(ms, terms.signal)
      }
    }
    return await begin(request, terms)
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>()
    const wake = (): void => over.resolve()
    const clear = this.#options.timer(ms, wake)
    signal.addEventListener('abort', wake, { once: true })
    await over.promise
    clear()
    signal.removeEventListener('abort', wake)
  }

  /** Adds up what the client has, now that a part has ended. */
  #count({ delivered, last }: SessionOutcome): void {
    const output = Number(delivered.outputTokens)
    if (this.#way === undefined || this.#joint === undefined) {
      // Engines that do not tell what a prompt has until the end are taken by what they accepted it for.
      const input = Number((last?.inputTokens ?? 0n) || delivered.inputTokens)
      this.#tokens = { input, output }
      return
    }
    const { input, output: before } = this.#tokens
    switch (this.#way.method) {
      case 'prefix':
        this.#tokens = { input, output: before + output }
        return
      case 'replay':
        if (this.#joint.caughtUp) this.#tokens = { input, output }
        return
      case 'restart':
        this.#tokens = { input, output }
    }
  }

  /** The usage of the whole answer, where the client has none yet. */
  #closing(): readonly Uint8Array[] {
    const { head, usageTold } = this.#delivered.read()
    if (this.#request.kind === 'embedding' || usageTold) return []
    return [encodeJson({ ...head, choices: [], usage: usageOf(this.#tokens) })]
  }

  /** For an answer that has all the tokens that were asked for, and was cut before it said so. */
  #finish(): Uint8Array {
    const { head } = this.#delivered.read()
    const nothing = this.#request.kind === 'chat' ? { delta: {} } : { text: '' }
    const choices = [{ index: 0, ...nothing, logprobs: null, finish_reason: 'length' }]
    return encodeJson({ ...head, choices })
  }

  #silence(): HanseError {
    const message = 'the provider said nothing for too long in the middle of its answer'
    const fault = new HanseError('HANSE_SESSION_CUT', message)
    this.#options.learn(this.#purchase.provider, fault)
    return fault
  }

  /** Without a reader, too, no more sessions come after a whole answer or a cancelled one. */
  #follow({ outcome }: Purchase): void {
    void outcome.then(({ reason }) => {
      if (isAnswered(reason) || this.#isCancelled) this.#settled.resolve()
    })
  }
}

function partOf(purchase: Purchase): AnswerPart {
  const { session, provider, country, model, inputPrice, outputPrice, outcome } = purchase
  return { session, provider, country, model, inputPrice, outputPrice, outcome }
}

function billOf(sessions: Bill['sessions']): Bill {
  return {
    sessions,
    amount: picoEuro(sessions.reduce((sum, { last }) => sum + (last?.amount ?? 0n), 0n)),
  }
}
