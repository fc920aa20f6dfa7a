import type { IncomingMessage } from 'node:http'
import { EngineError } from '../engine.ts'

// The end of a chunked body follows its last event at once; a server that holds it back loses the connection.
const DRAIN_MS = 1_000

/**
 * The body as it arrives, one array a read of the network. Leaving the loop keeps the connection open.
 *
 * Only the wait for bytes counts as silence, and not the time in which the reader is held back. Until `begun`, silence
 * is the prefill of a long prompt, or a model that loads: whoever asked has a deadline for that.
 *
 * @throws {EngineError} HANSE_ENGINE_FAILED after `idleMs` of silence
 */
export async function* readsOf(
  response: IncomingMessage,
  idleMs: number,
  begun: () => boolean,
): AsyncGenerator<Uint8Array> {
  const reads = (response.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>)[
    Symbol.asyncIterator
  ]()
  let waiting = false
  const onSilence = (): void => {
    if (!waiting) return
    const message = `the engine sent nothing for ${Math.round(idleMs / 1000)} s in mid-answer`
    response.destroy(new EngineError('HANSE_ENGINE_FAILED', message))
  }
  // One timer for all reads: starting one for each token costs more than the token's own parsing.
  let timer: NodeJS.Timeout | undefined
  try {
    for (;;) {
      if (begun()) {
        waiting = true
        if (timer === undefined) timer = setTimeout(onSilence, idleMs)
        else timer.refresh()
      }
      const read = await reads.next()
      waiting = false
      if (read.done === true) return
      yield read.value
    }
  } finally {
    clearTimeout(timer)
    await reads.return?.()
  }
}

/** Drains what may follow the last event, so that the connection can be used again. */
export function finish(response: IncomingMessage): void {
  const timer = setTimeout(() => response.destroy(), DRAIN_MS)
  response.once('close', () => clearTimeout(timer))
  response.resume()
}
