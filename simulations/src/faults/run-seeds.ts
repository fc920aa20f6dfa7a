import { Worker } from 'node:worker_threads'
import type { Cheat } from './cheats.ts'
import type { SeedResult } from './run-seed.ts'

export interface SeedRange {
  readonly from: number
  readonly count: number
  readonly workers: number
  /** The bug to plant, by name. */
  readonly mutation?: string
  /** Lines of the trace of a failing seed. */
  readonly lines?: number
  /** The one thing that cheats do, if not any. */
  readonly focus?: Cheat
  /** Told of every result, in no order. Ends the run early when it returns true. */
  readonly onResult: (result: SeedResult) => boolean | undefined
}

/** Seeds that a worker has before it, so that it never waits for the next one. */
const AHEAD = 4

/** Runs the seeds of a range in worker threads. @throws {Error} when a worker fails */
export async function runSeeds(range: SeedRange): Promise<void> {
  const { from, count, mutation, lines = 60, focus, onResult } = range
  let next = from
  let done = false
  const finished = Promise.withResolvers<void>()
  let left = count
  const start = () => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { mutation, options: { lines, ...(focus === undefined ? {} : { focus }) } },
      execArgv: [],
    })
    const feed = () => {
      if (next < from + count) worker.postMessage(next++)
    }
    worker.on('error', finished.reject)
    worker.on('message', (result: SeedResult) => {
      if (done) return
      left--
      done = onResult(result) === true || left === 0
      if (done) finished.resolve()
      else feed()
    })
    for (let i = 0; i < AHEAD; i++) feed()
    return worker
  }
  const workers = Array.from({ length: Math.min(range.workers, count) }, start)
  try {
    await finished.promise
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
