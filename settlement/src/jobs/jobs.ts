import { setTimeout as delay } from 'node:timers/promises'
import { type JobWithMetadata, PgBoss } from 'pg-boss'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Job } from './job.ts'
import { type JobFault, jobFault } from './job-fault.ts'

export interface JobRun {
  readonly state: 'waiting' | 'running' | 'retrying' | 'done' | 'failed'
  /** Milliseconds since 1970. */
  readonly startedAt: number | null
  readonly endedAt: number | null
  /** What `work` returned, or why it failed. */
  readonly output: unknown
}

export interface JobStatus {
  readonly name: string
  readonly purpose: string
  /** As the registry has it: a cron expression, or `every 60 s`. */
  readonly schedule: string
  /** The last one that began. */
  readonly last: JobRun | null
  /** Runs that were given up after all tries, and are kept two weeks. */
  readonly dead: number
}

/** A run that was given up after all tries. */
export interface DeadJob {
  readonly id: string
  readonly job: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly output: unknown
}

export interface Jobs extends AsyncDisposable {
  list(): Promise<JobStatus[]>
  /** Newest first. */
  dead(): Promise<DeadJob[]>
  /**
   * Runs a job now and waits for its end, after a run that is under way.
   *
   * @throws {SettlementError} HANSE_NOT_FOUND when there is no such job
   */
  run(name: string): Promise<JobRun>
}

export interface JobsOptions {
  /** Called at the end of each try in this process. */
  readonly onRun?: (name: string, outcome: 'done' | 'failed', tookMs: number) => void
  readonly onFailure?: (name: string, fault: JobFault) => void
  /** Faults of the queue itself, such as a database that does not answer: it tries again. */
  readonly onError?: (error: unknown) => void
  /** How often a process looks whether a job is due that another asked for; those it asks for itself run at once. */
  readonly pollMs?: number
}

const POLL_MS = 10_000
/** Three more tries over some five minutes: a database or Stripe that restarts is back by then. */
const RETRIES = 3
const RETRY_SECONDS = 20
const RETRY_SECONDS_MAX = 300
const TIMEOUT_MS = 15 * 60_000
const DEAD = 'dead-jobs'
/** How long stopping waits for what runs. A run that is cut off is begun again by whoever starts next. */
const STOP_MS = 20_000
const WAIT_MS = 100
/** What ended is kept to be seen: of jobs that run all the time an hour, of the others more than a month. */
const ENDED_KEPT_SECONDS = { everyMs: 3_600, cron: 40 * 86_400 } as const

/** Starts the queue and this process's part of the work. Any number of processes may do so on one database. */
export async function openJobs(
  context: SettlementContext,
  registry: readonly Job[],
  options: JobsOptions = {},
): Promise<Jobs> {
  const { store } = context
  const boss = new PgBoss({
    // The service's own connections: the embedded database has no others.
    db: { executeSql: (text, values) => store.executeSql(text, values) },
    backend: store.kind,
    // Bloat of a queue of a few rows is nobody's concern, and rebuilding indexes needs a connection of its own.
    reindex: false,
    monitorVacuum: false,
  })
  boss.on('error', (error) => options.onError?.(error))
  await boss.start()
  const queue = new JobQueue(boss, context, registry, options)
  try {
    await queue.open()
  } catch (error) {
    await boss.stop({ graceful: false })
    throw error
  }
  return queue
}

class JobQueue implements Jobs {
  readonly #boss: PgBoss
  readonly #context: SettlementContext
  readonly #registry: readonly Job[]
  readonly #options: JobsOptions
  readonly #timers: NodeJS.Timeout[] = []
  readonly #workers = new Map<string, string>()
  readonly #stopping = new AbortController()
  #disposing: Promise<void> | undefined

  constructor(
    boss: PgBoss,
    context: SettlementContext,
    registry: readonly Job[],
    options: JobsOptions,
  ) {
    this.#boss = boss
    this.#context = context
    this.#registry = registry
    this.#options = options
  }

  async open(): Promise<void> {
    await this.#boss.createQueue(DEAD, { retentionSeconds: 14 * 86_400 })
    for (const job of this.#registry) await this.#register(job)
    await this.#unscheduleOthers()
  }

  async list(): Promise<JobStatus[]> {
    const dead = await this.dead()
    return Promise.all(
      this.#registry.map(async ({ name, purpose, schedule }) => ({
        name,
        purpose,
        schedule: 'cron' in schedule ? schedule.cron : `every ${schedule.everyMs / 1000} s`,
        last: await this.#last(name),
        dead: dead.filter(({ job }) => job === name).length,
      })),
    )
  }

  async dead(): Promise<DeadJob[]> {
    const found = await this.#boss.findJobs(DEAD)
    return found
      .map((job) => ({
        id: job.id,
        job: job.sourceName ?? '',
        at: job.createdOn.getTime(),
        output: job.sourceOutput ?? null,
      }))
      .sort((a, b) => b.at - a.at)
  }

  async run(name: string): Promise<JobRun> {
    this.#jobOf(name)
    // Somebody waits for this one: it fails at once rather than after all tries.
    let id: string | null = null
    while (id === null) {
      id = await this.#boss.send(name, null, { retryLimit: 0 })
      if (id === null) await delay(WAIT_MS, undefined, { signal: this.#stopping.signal })
    }
    for (;;) {
      this.#wake(name)
      const [found] = await this.#boss.findJobs<object>(name, { id })
      const run = found && runOf(found)
      if (run?.state === 'done' || run?.state === 'failed') return run
      await delay(WAIT_MS, undefined, { signal: this.#stopping.signal })
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#stop()
    return this.#disposing
  }

  async #stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#stopping.abort()
    await this.#boss.stop({ graceful: true, timeout: STOP_MS })
  }

  async #register(job: Job): Promise<void> {
    const { name, schedule } = job
    const settings = {
      retryLimit: RETRIES,
      retryDelay: RETRY_SECONDS,
      retryBackoff: true,
      retryDelayMax: RETRY_SECONDS_MAX,
      expireInSeconds: Math.ceil((job.timeoutMs ?? TIMEOUT_MS) / 1000),
      deleteAfterSeconds: ENDED_KEPT_SECONDS['cron' in schedule ? 'cron' : 'everyMs'],
      deadLetter: DEAD,
    }
    // One run at a time in all processes, and no second one waiting behind it.
    await this.#boss.createQueue(name, { policy: 'exclusive', ...settings })
    await this.#boss.updateQueue(name, settings)
    const worker = await this.#boss.work(
      name,
      { pollingIntervalSeconds: (this.#options.pollMs ?? POLL_MS) / 1000 },
      async ([started]) => (started === undefined ? null : this.#work(job, started.signal)),
    )
    this.#workers.set(name, worker)
    if ('cron' in schedule) await this.#boss.schedule(name, schedule.cron, null, { tz: 'UTC' })
    else this.#repeat(name, schedule.everyMs)
  }

  /** Cron knows minutes only. Each process asks; the queue takes one request in a period. */
  #repeat(name: string, everyMs: number): void {
    const ask = async (): Promise<void> => {
      try {
        await this.#boss.send(name, null, { singletonSeconds: everyMs / 1000 })
        this.#wake(name)
      } catch (error) {
        if (!this.#stopping.signal.aborted) this.#options.onError?.(error)
      }
    }
    this.#timers.push(setInterval(() => void ask(), everyMs))
  }

  async #work(job: Job, expired: AbortSignal): Promise<unknown> {
    const started = performance.now()
    try {
      const output = await job.work(
        this.#context,
        AbortSignal.any([expired, this.#stopping.signal]),
      )
      this.#options.onRun?.(job.name, 'done', performance.now() - started)
      return output === undefined ? null : JSON.parse(JSON.stringify(output, digits))
    } catch (error) {
      const fault = jobFault(error)
      this.#options.onRun?.(job.name, 'failed', performance.now() - started)
      this.#options.onFailure?.(job.name, fault)
      // What the queue keeps of an error is all that it carries.
      throw Object.assign(new Error(fault.message), { code: fault.code, stack: undefined })
    }
  }

  /** What a release before this one did is done no more. */
  async #unscheduleOthers(): Promise<void> {
    const cron = this.#registry.filter(({ schedule }) => 'cron' in schedule)
    for (const { name } of await this.#boss.getSchedules()) {
      if (!cron.some((job) => job.name === name)) await this.#boss.unschedule(name)
    }
  }

  async #last(name: string): Promise<JobRun | null> {
    const found = await this.#boss.findJobs<object>(name)
    const last = found.reduce<JobWithMetadata | undefined>(
      (newest, job) => (newest === undefined || job.createdOn > newest.createdOn ? job : newest),
      undefined,
    )
    return last === undefined ? null : runOf(last)
  }

  #wake(name: string): void {
    const worker = this.#workers.get(name)
    if (worker !== undefined) this.#boss.notifyWorker(worker)
  }

  #jobOf(name: string): Job {
    const job = this.#registry.find((known) => known.name === name)
    if (job === undefined) throw new SettlementError('HANSE_NOT_FOUND', `no job ${name}`)
    return job
  }
}

const STATES = {
  created: 'waiting',
  retry: 'retrying',
  active: 'running',
  completed: 'done',
  cancelled: 'failed',
  failed: 'failed',
} as const satisfies Record<JobWithMetadata['state'], JobRun['state']>

const runOf = ({ state, startedOn, completedOn, output }: JobWithMetadata): JobRun => ({
  state: STATES[state],
  startedAt: startedOn?.getTime() ?? null,
  endedAt: completedOn?.getTime() ?? null,
  output: output ?? null,
})

const digits = (_key: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)
