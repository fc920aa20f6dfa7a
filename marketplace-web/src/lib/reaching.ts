import { ApiError } from './api.ts'

/** Between two tries: a service that restarts is found soon, and one that is down is not flooded. */
const retryMs = 5_000

/** Nobody answered: this computer is offline, or the service is away. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'HANSE_SETTLEMENT_UNAVAILABLE'

/**
 * Asks again for what could not be reached: every few seconds while somebody looks, and at once when the computer is online again.
 *
 * @returns how to end it
 */
export function keepTrying(isMissing: () => boolean, ask: () => Promise<unknown>): () => void {
  let isAsking = false
  const asked = () => {
    isAsking = false
  }
  const look = () => {
    if (document.hidden || isAsking || !isMissing()) return
    isAsking = true
    // Whatever comes of it, there is another time.
    void ask().then(asked, asked)
  }
  const timer = setInterval(look, retryMs)
  addEventListener('online', look)
  document.addEventListener('visibilitychange', look)
  return () => {
    clearInterval(timer)
    removeEventListener('online', look)
    document.removeEventListener('visibilitychange', look)
  }
}
