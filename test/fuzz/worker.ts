import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import type { Target } from '@hanse/protocol/testing/fuzz'
import fc from 'fast-check'
import type { FromWorker, Job } from './job.ts'
import { INPUT_BYTES_MAX, SharedInput } from './shared-input.ts'

// Runs one target in a thread of its own, so that what hangs or eats memory can be stopped and told of.

/** An execution takes microseconds, one with dozens of signatures milliseconds. */
const SLOW_MS = 2000
/** Beyond what an input's own size explains, at once. */
const ALLOCATED_BYTES_MAX = 64 << 20
/** That stay in use from batch to batch, after a collection: caches are bounded. */
const GROWTH_BYTES_MAX = 64 << 20
const BATCH_RUNS = 500

const { module, target: name, seed, seconds, input, shared } = workerData as Job
const current = new SharedInput(shared)

async function main(): Promise<void> {
  const { TARGETS } = (await import(module)) as { TARGETS: readonly Target[] }
  const target = TARGETS.find((known) => known.name === name)
  if (target === undefined) throw new Error(`no target ${name}`)
  if (input === undefined) fuzz(target)
  else replay(target, Uint8Array.from(Buffer.from(input, 'hex')))
}

function fuzz(target: Target): void {
  const started = performance.now()
  let baseline: number | undefined
  let executions = 0
  for (let batch = seed; performance.now() - started < 1000 * seconds; batch++) {
    const details = fc.check(
      fc.property(target.inputs, (bytes) => {
        executions++
        execute(target, bytes)
      }),
      { seed: batch, numRuns: BATCH_RUNS, interruptAfterTimeLimit: 1000 * seconds },
    )
    if (details.failed && details.counterexample !== null) {
      const [bytes] = details.counterexample
      tell({
        type: 'failed',
        seed: batch,
        input: hexOf(bytes),
        error: textOf(details.errorInstance),
      })
      return
    }
    const used = usedBytes()
    // The first batch fills caches and compiles.
    baseline ??= used
    if (used - baseline > GROWTH_BYTES_MAX) {
      const error = `${used - baseline} bytes more in use than after the first batch`
      tell({ type: 'failed', seed: batch, input: '', error })
      return
    }
  }
  tell({ type: 'done', executions, ms: performance.now() - started })
}

function replay(target: Target, bytes: Uint8Array): void {
  const started = performance.now()
  try {
    execute(target, bytes)
  } catch (error) {
    tell({ type: 'failed', seed, input: hexOf(bytes), error: textOf(error) })
    return
  }
  tell({ type: 'done', executions: 1, ms: performance.now() - started })
}

function execute(target: Target, bytes: Uint8Array): void {
  const before = getHeapStatistics().external_memory
  const started = performance.now()
  current.begin(bytes)
  target.run(bytes)
  current.end()
  const ms = performance.now() - started
  if (ms > SLOW_MS) throw new Error(`took ${Math.round(ms)} ms`)
  const allocated = getHeapStatistics().external_memory - before
  if (allocated > ALLOCATED_BYTES_MAX + 64 * bytes.byteLength) {
    throw new Error(`allocated ${allocated} bytes for an input of ${bytes.byteLength}`)
  }
}

/** In use after a collection. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function hexOf(bytes: Uint8Array): string {
  return bytes.byteLength > INPUT_BYTES_MAX ? '' : Buffer.from(bytes).toString('hex')
}

function tell(message: FromWorker): void {
  parentPort?.postMessage(message)
}

await main()
