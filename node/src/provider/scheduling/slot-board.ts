import { type AnswerSample, AnswerSpeed } from './answer-speed.ts'
import { BusyTime } from './busy-time.ts'
import { FairShare, tokenCost } from './fair-share.ts'

/** Who goes first. The owner before all, then who has an authorization, then strangers on credit. */
export type Priority = 'owner' | 'authorized' | 'unsecured'

export interface SlotRequest {
  /** Rises from request to request. */
  readonly id: number
  readonly model: string
  readonly consumer: string
  readonly priority: Priority
  readonly inputTokens: number
  readonly maxOutputTokens: number
  readonly deadlineMs: number
}

export interface ModelLimits {
  readonly slots: number
  /** Requests that may wait. */
  readonly queueMax: number
  /** Of the slots, those that only the owner gets. */
  readonly reservedSlots: number
  /** Slots and places in the queue that one consumer may hold; the owner may hold all. */
  readonly placesPerConsumer: number
}

export interface BoardLimits {
  readonly models: ReadonlyMap<string, ModelLimits>
  /** Of all models together, for those that share a GPU; `undefined` where they do not. */
  readonly machineSlots: number | undefined
  /** How long a consumer waits for an answer to its order. */
  readonly patienceMs: number
}

export type Refusal = {
  readonly code: 'HANSE_CAPACITY' | 'HANSE_DEADLINE_UNREACHABLE'
  readonly message: string
  /** `undefined` where waiting does not help. */
  readonly retryAfterMs: number | undefined
}

export type Placement =
  | { readonly type: 'granted' }
  /** It may wait this long; `displaced` lost its place to it. */
  | {
      readonly type: 'queued'
      readonly patienceMs: number
      readonly displaced?: { readonly id: number; readonly refusal: Refusal }
    }
  | { readonly type: 'refused'; readonly refusal: Refusal }

interface Running extends SlotRequest {
  readonly grantedAt: number
  /** What its consumer was charged when it got the slot. */
  readonly charged: number
  outputTokens: number
}

/** After this many grants to others that came later, a consumer is next, whatever its priority and share. */
export const OVERTAKEN_MAX = 8
/** What is said while no speed is known: an answer of a small model takes about this long. */
const RETRY_UNKNOWN_MS = 1_000
/** Sooner, a retry would meet the same queue. */
export const RETRY_MIN_MS = 250
/** Beyond this the estimate is worth nothing, and the consumer had better look at other offers. */
export const RETRY_MAX_MS = 10 * 60_000

const RANK: Readonly<Record<Priority, number>> = { owner: 0, authorized: 1, unsecured: 2 }

/**
 * The rules of slots and queues, without clock, timers or promises: the same calls give the same grants.
 *
 * A free slot goes to the owner first; then to a consumer that was passed over too often; then by priority; then to the
 * consumer that was served least lately; then to who came first. Within a consumer, first come is first served.
 */
export class SlotBoard {
  readonly #limits: BoardLimits
  readonly #shares = new FairShare()
  readonly #speeds = new Map<string, AnswerSpeed>()
  readonly #busy = new Map<string, BusyTime>()
  /** In the order in which they came. */
  readonly #waiting: SlotRequest[] = []
  readonly #running = new Map<number, Running>()
  /** How often the first in line of a flow was passed over since its flow was last served. */
  readonly #passedOver = new Map<string, number>()

  constructor(limits: BoardLimits) {
    this.#limits = limits
    for (const model of limits.models.keys()) {
      this.#speeds.set(model, new AnswerSpeed())
      this.#busy.set(model, new BusyTime())
    }
  }

  /** Slots that a stranger would get at once. */
  free(model: string): number {
    const limits = this.#limits.models.get(model)
    if (limits === undefined) return 0
    const common = limits.slots - limits.reservedSlots - this.#count(model, isStranger)
    const all = limits.slots - this.#count(model)
    const machine = this.#machineFree(this.#machineReserved())
    return Math.max(0, Math.min(common, all, machine))
  }

  busy(model: string): number {
    return this.#count(model)
  }

  queued(model: string): number {
    return this.#waiting.filter((entry) => entry.model === model).length
  }

  get running(): number {
    return this.#running.size
  }

  speed(model: string): AnswerSpeed | undefined {
    return this.#speeds.get(model)
  }

  /** Tokens a second of all answers together, over the time in which there were any. */
  throughput(model: string): number | undefined {
    return this.#busy.get(model)?.tokensPerSecond
  }

  /** A request comes. When it is queued, it is granted by a later `grants`, or has to `leave`. */
  place(request: SlotRequest, now: number): Placement {
    const limits = this.#limits.models.get(request.model)
    if (limits === undefined) throw new Error(`no slots for ${request.model}`)
    const refusal = this.#refusal(request, limits, now)
    if (refusal !== undefined) return { type: 'refused', refusal }
    if (this.#fits(request) && this.#next([...this.#waiting, request], now) === request) {
      this.#grant(request, now)
      return { type: 'granted' }
    }
    let displaced: SlotRequest | undefined
    if (this.queued(request.model) >= limits.queueMax) {
      displaced = this.#displaceable(request)
      const refusal = this.#full(request.model, now)
      if (displaced === undefined) return { type: 'refused', refusal }
      this.leave(displaced.id)
    }
    this.#waiting.push(request)
    const service = this.#serviceMs(request)
    const patienceMs = Math.min(this.#limits.patienceMs, request.deadlineMs - (service ?? 0))
    return {
      type: 'queued',
      patienceMs: Math.max(0, patienceMs),
      ...(displaced === undefined
        ? {}
        : { displaced: { id: displaced.id, refusal: this.#full(request.model, now) } }),
    }
  }

  /** One that waits gives up. */
  leave(id: number): void {
    const at = this.#waiting.findIndex((entry) => entry.id === id)
    if (at < 0) return
    const [entry] = this.#waiting.splice(at, 1)
    if (entry !== undefined) this.#forgetFlow(entry)
  }

  /** Why one that waited as long as it may has to go. */
  tooLate(model: string, now: number): Refusal {
    return this.#full(model, now, 'no slot became free in time')
  }

  /** Hands out the slots that are free, best first. */
  grants(now: number): SlotRequest[] {
    const granted: SlotRequest[] = []
    for (;;) {
      const entry = this.#next(this.#waiting, now)
      if (entry === undefined) return granted
      this.#waiting.splice(this.#waiting.indexOf(entry), 1)
      this.#grant(entry, now)
      granted.push(entry)
    }
  }

  /** Tokens of one that runs. */
  progress(id: number, tokens: number, now: number): void {
    const running = this.#running.get(id)
    if (running === undefined) return
    running.outputTokens += tokens
    this.#busy.get(running.model)?.add(tokens, now)
  }

  /** One that ran is over. Without a `sample` it never reached the engine, and its consumer is charged nothing. */
  finish(id: number, sample: AnswerSample | undefined, now: number): void {
    const running = this.#running.get(id)
    if (running === undefined) return
    this.#running.delete(id)
    const used = sample === undefined ? 0 : tokenCost(running.inputTokens, running.outputTokens)
    this.#shares.add(running.consumer, used - running.charged, now)
    if (sample !== undefined) this.#speeds.get(running.model)?.add(sample)
    this.#busy.get(running.model)?.turn(this.#count(running.model) > 0, now)
  }

  #grant(entry: SlotRequest, now: number): void {
    if (entry.priority !== 'owner') {
      for (const flow of this.#passedBy(entry))
        this.#passedOver.set(flow, (this.#passedOver.get(flow) ?? 0) + 1)
    }
    this.#passedOver.delete(flowOf(entry))
    const { inputTokens, maxOutputTokens, model } = entry
    const expected = this.#speeds.get(model)?.expectedOutputTokens(maxOutputTokens)
    const charged = tokenCost(inputTokens, expected ?? maxOutputTokens)
    this.#shares.add(entry.consumer, charged, now)
    this.#running.set(entry.id, { ...entry, grantedAt: now, charged, outputTokens: 0 })
    this.#busy.get(model)?.turn(true, now)
  }

  /** The flows whose first in line came before `winner`, and could have had its slot. */
  #passedBy(winner: SlotRequest): Set<string> {
    const passed = new Set<string>()
    for (const entry of this.#waiting) {
      if (entry.id >= winner.id) continue
      if (flowOf(entry) !== flowOf(winner) && this.#fits(entry)) passed.add(flowOf(entry))
    }
    return passed
  }

  #forgetFlow(gone: SlotRequest): void {
    const flow = flowOf(gone)
    if (!this.#waiting.some((entry) => flowOf(entry) === flow)) this.#passedOver.delete(flow)
  }

  #next(waiting: readonly SlotRequest[], now: number): SlotRequest | undefined {
    let best: SlotRequest | undefined
    for (const entry of waiting) {
      if (!this.#fits(entry)) continue
      if (best === undefined || this.#compare(entry, best, now) < 0) best = entry
    }
    return best
  }

  #compare(a: SlotRequest, b: SlotRequest, now: number): number {
    const owner = Number(b.priority === 'owner') - Number(a.priority === 'owner')
    if (owner !== 0) return owner
    const starved = Number(this.#isStarved(b)) - Number(this.#isStarved(a))
    if (starved !== 0) return starved
    const rank = RANK[a.priority] - RANK[b.priority]
    if (rank !== 0 && !this.#isStarved(a)) return rank
    const share = this.#shares.of(a.consumer, now) - this.#shares.of(b.consumer, now)
    if (share !== 0 && a.consumer !== b.consumer && !this.#isStarved(a)) return share
    return a.id - b.id
  }

  #isStarved(entry: SlotRequest): boolean {
    return (this.#passedOver.get(flowOf(entry)) ?? 0) >= OVERTAKEN_MAX
  }

  #fits({ model, priority }: SlotRequest): boolean {
    if (priority !== 'owner') return this.free(model) > 0
    const slots = this.#limits.models.get(model)?.slots ?? 0
    return this.#count(model) < slots && this.#machineFree(0) > 0
  }

  /** What can be told at once: the consumer has its share, or the answer would come too late. */
  #refusal(request: SlotRequest, limits: ModelLimits, now: number): Refusal | undefined {
    const { model, consumer, deadlineMs } = request
    const held = [...this.#running.values(), ...this.#waiting].filter(
      (entry) => entry.model === model && entry.consumer === consumer,
    )
    if (request.priority !== 'owner' && held.length >= limits.placesPerConsumer) {
      const message = `this consumer holds ${held.length} slots and places in the queue`
      return { ...this.#full(model, now), message }
    }
    const service = this.#serviceMs(request)
    const wait = this.#waitMs(request, now)
    if (wait !== undefined && wait > this.#limits.patienceMs) {
      return {
        code: 'HANSE_CAPACITY',
        message: `a slot is expected in ${seconds(wait)}`,
        retryAfterMs: bounded(wait),
      }
    }
    // By the protocol the deadline counts from the Acceptance, which comes once there is a slot. A consumer fills in the
    // time that its client has left, though, so the wait has to fit into it, too.
    if (service === undefined || (wait ?? 0) + service <= deadlineMs) return undefined
    return {
      code: 'HANSE_DEADLINE_UNREACHABLE',
      message: `such an answer takes ${seconds(service)} after a wait of ${seconds(wait ?? 0)}`,
      retryAfterMs: service > deadlineMs ? undefined : bounded((wait ?? 0) + service - deadlineMs),
    }
  }

  #serviceMs({ model, inputTokens, maxOutputTokens }: SlotRequest): number | undefined {
    return this.#speeds.get(model)?.serviceMs(inputTokens, maxOutputTokens)
  }

  /** A place is free as soon as one that runs has ended. */
  #full(model: string, now: number, message = 'every slot is busy'): Refusal {
    const soonest = this.#remaining(model, now)[0]
    return {
      code: 'HANSE_CAPACITY',
      message,
      retryAfterMs: bounded(soonest ?? RETRY_UNKNOWN_MS),
    }
  }

  /** When a request would get a slot if it came now; `undefined` while the speed is unknown. */
  #waitMs(request: SlotRequest, now: number): number | undefined {
    if (this.#fits(request)) return 0
    const limits = this.#limits.models.get(request.model)
    const own = this.#waitFor(request, now, request.model, slotsFor(request, limits))
    const { machineSlots } = this.#limits
    if (machineSlots === undefined || own === undefined) return own
    const reserved = request.priority === 'owner' ? 0 : this.#machineReserved()
    const all = this.#waitFor(request, now, undefined, machineSlots - reserved)
    return all === undefined ? undefined : Math.max(own, all)
  }

  /** Plays the queue through: whoever is ahead takes the slot that is free first, and holds it for a usual answer. */
  #waitFor(
    request: SlotRequest,
    now: number,
    model: string | undefined,
    slots: number,
  ): number | undefined {
    const running = this.#remaining(model, now)
    if (running.includes(undefined)) return undefined
    const free: number[] = running.filter((ms) => ms !== undefined).slice(0, Math.max(1, slots))
    while (free.length < slots) free.push(0)
    const ahead = this.#waiting
      .filter((other) => model === undefined || other.model === model)
      .filter((other) => this.#compare(other, request, now) < 0)
    for (const other of ahead) {
      const service = this.#serviceMs(other)
      if (service === undefined) return undefined
      free.sort((a, b) => a - b)
      free[0] = (free[0] ?? 0) + service
    }
    return Math.min(...free)
  }

  /** How long each that runs still takes, soonest first. */
  #remaining(model: string | undefined, now: number): (number | undefined)[] {
    return [...this.#running.values()]
      .filter((running) => model === undefined || running.model === model)
      .map((running) =>
        this.#speeds
          .get(running.model)
          ?.remainingMs({ ...running, elapsedMs: Math.max(0, now - running.grantedAt) }),
      )
      .sort((a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY))
  }

  /**
   * Who has to make room in a full queue. For the owner, the last stranger. For anybody else, the last of the consumer
   * that waits with most requests, when the newcomer has fewer even then: nobody can fill the queue against others.
   */
  #displaceable(request: SlotRequest): SlotRequest | undefined {
    const waiting = this.#waiting.filter(
      ({ model, priority }) => model === request.model && RANK[priority] >= RANK[request.priority],
    )
    if (request.priority === 'owner') return waiting.filter(isStranger).at(-1)
    const counts = new Map<string, number>()
    for (const { consumer } of waiting) counts.set(consumer, (counts.get(consumer) ?? 0) + 1)
    const own = counts.get(request.consumer) ?? 0
    const [most] = [...counts].sort(([, a], [, b]) => b - a)
    if (most === undefined || most[1] < own + 2) return undefined
    return waiting.findLast(({ consumer }) => consumer === most[0])
  }

  #machineFree(reserved: number): number {
    const { machineSlots } = this.#limits
    if (machineSlots === undefined) return Number.POSITIVE_INFINITY
    const strangers = [...this.#running.values()].filter(isStranger).length
    return Math.min(machineSlots - this.#running.size, machineSlots - reserved - strangers)
  }

  /** What is kept for the owner on a machine that models share: as much as of the model that keeps most. */
  #machineReserved(): number {
    return Math.max(0, ...[...this.#limits.models.values()].map((limits) => limits.reservedSlots))
  }

  #count(model: string, which: (entry: SlotRequest) => boolean = () => true): number {
    let count = 0
    for (const entry of this.#running.values()) if (entry.model === model && which(entry)) count++
    return count
  }
}

function isStranger({ priority }: SlotRequest): boolean {
  return priority !== 'owner'
}

function slotsFor({ priority }: SlotRequest, limits: ModelLimits | undefined): number {
  if (limits === undefined) return 0
  return priority === 'owner' ? limits.slots : limits.slots - limits.reservedSlots
}

/** What a consumer sends for one model under one priority is served in the order in which it came. */
function flowOf({ consumer, model, priority }: SlotRequest): string {
  return `${consumer} ${model} ${priority}`
}

function bounded(ms: number): number {
  return Math.round(Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, ms)))
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
