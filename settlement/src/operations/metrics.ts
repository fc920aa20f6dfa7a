import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, register } from 'prom-client'
import type { StripeCall } from '../stripe/index.ts'
import { type CallOutcome, outcomeOf, Tally } from './tally.ts'

/** From the answer time that is aimed at (50 ms) to the time after which a request is given up (30 s). */
export const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const JOB_SECONDS = [0.01, 0.1, 1, 10, 60, 300, 900]

let processMetrics = false

export interface Answered {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly tookMs: number
}

export type StripeCalls = { readonly resource: string } & Readonly<Record<CallOutcome, number>>

/** What Prometheus reads: this service's own, and the process's memory, processor time and event loop. */
export class Metrics {
  readonly #registry = new Registry()
  /** The same for the history that the console shows. */
  readonly tally = new Tally(SECONDS)
  readonly #requests = this.#counter('hanse_http_requests_total', 'Requests that were answered.', [
    'method',
    'route',
    'status',
  ])
  readonly #seconds = new Histogram({
    name: 'hanse_http_request_seconds',
    help: 'From the head of a request to the end of its answer.',
    labelNames: ['route'],
    buckets: SECONDS,
    registers: [this.#registry],
  })
  readonly inFlight = new Gauge({
    name: 'hanse_http_requests_in_flight',
    help: 'Requests that are being answered.',
    registers: [this.#registry],
  })
  readonly refused = this.#counter(
    'hanse_http_refused_total',
    'Requests that were refused because this process has enough to do, by what was scarce.',
    ['reason'],
  )
  readonly #stripe = this.#counter(
    'hanse_stripe_requests_total',
    'Requests to Stripe, each try by itself, by what they were about.',
    ['resource', 'outcome'],
  )
  readonly #stripeSeconds = new Histogram({
    name: 'hanse_stripe_request_seconds',
    help: 'From a request to Stripe to the head of its answer.',
    labelNames: ['resource'],
    buckets: SECONDS,
    registers: [this.#registry],
  })
  readonly #jobRuns = this.#counter('hanse_job_runs_total', 'Runs of jobs in this process.', [
    'job',
    'outcome',
  ])
  readonly #jobSeconds = new Histogram({
    name: 'hanse_job_seconds',
    help: 'How long runs of jobs took.',
    labelNames: ['job'],
    buckets: JOB_SECONDS,
    registers: [this.#registry],
  })

  constructor() {
    if (processMetrics) return
    processMetrics = true
    collectDefaultMetrics()
  }

  /** By the pattern of the route, of which there are few. */
  answered({ method, route, status, tookMs }: Answered): void {
    this.#requests.inc({ method, route, status })
    this.#seconds.observe({ route }, tookMs / 1000)
    this.tally.answered(route, status, tookMs / 1000)
  }

  stripeCalled({ resource, status, ms }: StripeCall): void {
    const outcome = outcomeOf(status)
    this.#stripe.inc({ resource, outcome })
    this.#stripeSeconds.observe({ resource }, ms / 1000)
    this.tally.stripeCalled(outcome)
  }

  /** Since the process began, by what they were about. */
  async stripeCalls(): Promise<StripeCalls[]> {
    const found = new Map<string, StripeCalls>()
    for (const { labels, value } of (await this.#stripe.get()).values) {
      const resource = String(labels.resource)
      const before = found.get(resource) ?? { resource, done: 0, refused: 0, failed: 0 }
      found.set(resource, { ...before, [labels.outcome as CallOutcome]: value })
    }
    return [...found.values()].toSorted((a, b) => (a.resource < b.resource ? -1 : 1))
  }

  jobRan(job: string, outcome: 'done' | 'failed', tookMs: number): void {
    this.#jobRuns.inc({ job, outcome })
    this.#jobSeconds.observe({ job }, tookMs / 1000)
  }

  /** A number that is read when somebody asks; `undefined` leaves it out this time. */
  gauge(name: string, help: string, read: () => Promise<number | undefined>): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      async collect() {
        const value = await read().catch(() => undefined)
        if (value === undefined) this.reset()
        else this.set(value)
      },
    })
  }

  /** Counts that somebody else keeps, by one label. */
  counts(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const [key, count] of Object.entries(read())) this.inc({ [label]: key }, count)
      },
    })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  async text(): Promise<string> {
    return `${await this.#registry.metrics()}\n${await register.metrics()}`
  }

  #counter<const Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
  ): Counter<Label> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] })
  }
}
