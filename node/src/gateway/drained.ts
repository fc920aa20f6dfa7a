import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

/** Until a response takes more, or nobody reads it any longer. */
export async function drained(response: ServerResponse): Promise<void> {
  const stop = new AbortController()
  const { signal } = stop
  const closed = once(response, 'close', { signal })
  const room = once(response, 'drain', { signal })
  await Promise.race([room, closed]).finally(() => stop.abort())
  await Promise.allSettled([room, closed])
}
