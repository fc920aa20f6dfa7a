import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { errorOf } from '../db/rpc.ts'
import { SettlementError } from '../errors.ts'
import type { BatchKind, ThreadReply, ThreadRequest, ThreadSetup } from './messages.ts'

export interface ThreadPoolOptions {
  readonly threads: number
  readonly setup: ThreadSetup
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** A thread ended that was not told to; its batches are failed, and another one takes its place. */
  readonly onCrash?: (error: unknown) => void
  readonly spawn?: (setup: ThreadSetup) => Worker
}

interface Job {
  readonly kind: BatchKind
  readonly body: Uint8Array
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

interface Thread {
  readonly worker: Worker
  readonly jobs: Map<number, Job>
}

/**
 * Batches that a thread has at once: one is verified, one is posted, and the others wait to be posted with the next; what
 * is more waits here, for whichever thread is free first.
 */
const JOBS_PER_THREAD = 8
/** The largest batch verified takes some 20 MB, eight of them and their postings a tenth of a gigabyte more. */
const HEAP_MB_MAX = 1024
/** Between the end of a thread that crashed and the next, so that one that cannot start does not take all of the time. */
const RESTART_MS = 250

const spawnThread = (workerData: ThreadSetup) =>
  new Worker(new URL('./ingest-worker.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  })

/** Threads that verify batches. Batches are taken in the order in which they came. */
export class ThreadPool implements AsyncDisposable {
  readonly #options: ThreadPoolOptions
  readonly #threads = new Set<Thread>()
  readonly #waiting: Job[] = []
  readonly #running = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  #last = 0

  constructor(options: ThreadPoolOptions) {
    this.#options = options
    for (let i = 0; i < options.threads; i++) this.#start()
  }

  /**
   * @param body moves to the thread: it cannot be read here any more
   * @returns what the thread answers for a batch of this kind
   * @throws {SettlementError} HANSE_INGEST_INTERRUPTED when its thread crashed, HANSE_STORE_CLOSED, and what is wrong with
   * the batch as a whole
   */
  run(kind: BatchKind, body: Uint8Array): Promise<unknown> {
    if (this.#closing.signal.aborted) return Promise.reject(closed())
    const job = new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ kind, body, resolve, reject })
      this.#dispatch()
    })
    const forget = (): void => {
      this.#running.delete(job)
    }
    this.#running.add(job)
    job.then(forget, forget)
    return job
  }

  /** Takes nothing more, waits for what was taken, and ends the threads. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled(this.#running)
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()))
  }

  #start(): void {
    const { spawn = spawnThread, setup } = this.#options
    const thread: Thread = { worker: spawn(setup), jobs: new Map() }
    this.#threads.add(thread)
    let fault: unknown
    thread.worker.on('message', (reply: ThreadReply) => this.#answered(thread, reply))
    thread.worker.on('error', (error) => {
      fault = error
    })
    thread.worker.once('exit', () => void this.#ended(thread, fault))
    this.#dispatch()
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const [thread] = [...this.#threads].toSorted((a, b) => a.jobs.size - b.jobs.size)
      if (thread === undefined || thread.jobs.size >= JOBS_PER_THREAD) return
      const job = this.#waiting.shift()
      if (job === undefined) return
      const id = ++this.#last
      thread.jobs.set(id, job)
      const { kind, body } = job
      const request: ThreadRequest = { id, kind, body, now: this.#options.now() }
      thread.worker.postMessage(request, [body.buffer as ArrayBuffer])
    }
  }

  #answered(thread: Thread, reply: ThreadReply): void {
    const job = thread.jobs.get(reply.id)
    thread.jobs.delete(reply.id)
    if ('fault' in reply) job?.reject(errorOf(reply.fault))
    else job?.resolve(reply.value)
    this.#dispatch()
  }

  async #ended(thread: Thread, fault: unknown): Promise<void> {
    this.#threads.delete(thread)
    for (const job of thread.jobs.values()) {
      job.reject(
        new SettlementError('HANSE_INGEST_INTERRUPTED', 'the thread that verified it has ended', {
          cause: fault,
        }),
      )
    }
    if (this.#isIdle()) return
    this.#options.onCrash?.(fault)
    await setTimeout(RESTART_MS)
    if (this.#isIdle()) return
    this.#start()
  }

  /** Told to stop, with nothing left to do. */
  #isIdle(): boolean {
    return this.#closing.signal.aborted && this.#waiting.length === 0
  }
}

const closed = () => new SettlementError('HANSE_STORE_CLOSED', 'the service is shutting down')
