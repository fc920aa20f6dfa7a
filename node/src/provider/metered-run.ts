import type { EngineEvent } from '../engine/index.ts'
import type { Lease } from './scheduling/scheduler.ts'

/** Whoever takes events on without waiting needs less; a full window or a slow network takes longer. */
const STALL_MS = 50

/** Passes an engine's events on, and lets the lease see how fast they come. */
export async function* meteredRun(
  events: AsyncIterable<readonly EngineEvent[]>,
  lease: Pick<Lease, 'onStart' | 'onFirstToken' | 'onTokens' | 'onStall' | 'onEnd'>,
  now: () => number,
): AsyncGenerator<readonly EngineEvent[]> {
  lease.onStart()
  for await (const batch of events) {
    let tokens = 0
    for (const event of batch) if (event.type === 'delta') tokens += event.tokens
    if (tokens > 0) lease.onTokens(tokens)
    if (batch.some(({ type }) => type === 'end')) {
      // Of an embedding no token comes: it is read, and that is all.
      lease.onFirstToken()
      lease.onEnd()
    }
    const at = now()
    yield batch
    if (now() - at > STALL_MS) lease.onStall()
  }
}
