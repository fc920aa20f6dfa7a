/**
 * Resolves after `ms`, or at once when `stop` is aborted. Never rejects, and does not keep a finished program alive. Node's
 * own `timers/promises` is not to be had in a browser.
 */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = (): void => resolve()
  const timer = unreferenced(setTimeout(done, ms))
  stop.addEventListener('abort', done, { once: true })
  await promise
  clearTimeout(timer)
  stop.removeEventListener('abort', done)
}

/** A timer that a program does not wait for at its end. In a browser a timer is a number, and nothing waits for it. */
export function unreferenced(timer: NodeJS.Timeout): NodeJS.Timeout {
  if (typeof timer === 'object') timer.unref()
  return timer
}
