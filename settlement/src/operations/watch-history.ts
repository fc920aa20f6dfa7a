import { performance } from 'node:perf_hooks'
import { parseCheckpoint } from '@hanse/protocol'
import type { SettlementStore } from '../db/store.ts'
import type { Ingest } from '../ingest/ingest-service.ts'
import { SAMPLE_MS } from './history.ts'
import type { Operations } from './operations.ts'

export interface Watched {
  readonly ingest: Pick<Ingest, 'room' | 'counts'>
  readonly store: Pick<SettlementStore, 'logHead'>
  readonly now: () => number
}

/** Writes the history of this process until it is disposed. */
export function watchHistory(operations: Operations, watched: Watched): AsyncDisposable {
  let before = performance.eventLoopUtilization()
  let running = Promise.resolve()
  const sample = async () => {
    const logEntries = await entriesOf(watched.store)
    const loop = performance.eventLoopUtilization(before)
    before = performance.eventLoopUtilization()
    const { rss, heapUsed } = process.memoryUsage()
    const standing = {
      requestsInFlight: operations.requestsInFlight(),
      ingestBytes: watched.ingest.room.bytes,
      ingestBatches: watched.ingest.room.batches,
      sessions: watched.ingest.counts.all,
      logEntries,
      busy: loop.utilization,
      heapBytes: heapUsed,
      memoryBytes: rss,
    }
    operations.history.sample(standing, watched.now())
  }
  // A database that hangs must not let samples pile up.
  const timer = setInterval(() => {
    running = running.then(sample)
  }, SAMPLE_MS)
  timer.unref()
  return {
    [Symbol.asyncDispose]: () => {
      clearInterval(timer)
      return running
    },
  }
}

/** A database that is away is seen elsewhere; the rest of the sample is good without it. */
async function entriesOf(store: Watched['store']): Promise<number | null> {
  try {
    const head = await store.logHead()
    return head === undefined ? 0 : Number(parseCheckpoint(head.note).size)
  } catch {
    return null
  }
}
