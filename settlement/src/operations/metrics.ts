import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, register } from 'prom-client'

/** From the answer time that is aimed at (50 ms) to the time after which a request is given up (30 s). */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const JOB_SECONDS = [0.01, 0.1, 1, 10, 60, 300, 900]

let processMetrics = false

/** What Prometheus reads: this service's own, and the process's memory, processor time and event loop. */
export class Metrics {
  readonly #registry = new Registry()
  readonly requests = this.#counter('hanse_http_requests_total', 'Requests that were answered.', [
    'method',
    'route',
    'status',
  ])
  readonly seconds = new Histogram({
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
