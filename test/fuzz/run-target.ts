import { Worker } from 'node:worker_threads'
import type { FromWorker, Job } from './job.ts'
import { SharedInput } from './shared-input.ts'

/** The worker gives up on a slow input itself after 2 s; one that it does not come back from is a hang. */
const HANG_MS = 10_000
const LOOK_MS = 250
/** Many times what a target needs; beyond it the worker is stopped. */
const HEAP_MIB_MAX = 512

/** Fuzzes one target in a worker. What hangs, or runs out of memory, fails with the input that it was at. */
export async function runTarget(
  job: Omit<Job, 'shared'>,
  { hangMs = HANG_MS }: { readonly hangMs?: number } = {},
): Promise<FromWorker> {
  const shared = SharedInput.allocate()
  const current = new SharedInput(shared)
  const workerData: Job = { ...job, shared }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
  })
  const { promise, resolve } = Promise.withResolvers<FromWorker>()
  const fail = (error: string) =>
    resolve({ type: 'failed', seed: job.seed, input: current.hex(), error })
  worker.on('message', resolve)
  worker.on('error', (error) =>
    fail(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  )
  worker.on('exit', (code) => fail(`the worker exited with ${code}`))
  const watchdog = setInterval(watch(current, hangMs, fail), LOOK_MS)
  try {
    return await promise
  } finally {
    clearInterval(watchdog)
    await worker.terminate()
  }
}

function watch(current: SharedInput, hangMs: number, fail: (error: string) => void): () => void {
  let last = -1
  let since = performance.now()
  return () => {
    const { count, isBusy } = current.progress()
    if (count !== last || !isBusy) {
      last = count
      since = performance.now()
    } else if (performance.now() - since > hangMs) {
      fail(`no end after ${hangMs} ms`)
    }
  }
}
