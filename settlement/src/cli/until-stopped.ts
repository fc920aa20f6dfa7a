/**
 * Resolves when the process is asked to stop; a second signal ends it at once. With HANSE_STOP_WITH_PARENT=1 it also
 * stops when its standard input ends, so that a parent that was killed leaves nothing running.
 */
export async function untilStopped(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      resolve()
      process.once(signal, () => process.exit(130))
    })
  }
  if (process.env.HANSE_STOP_WITH_PARENT === '1') {
    process.stdin.once('end', resolve).once('error', resolve).resume()
  }
  await promise
  process.stdin.destroy()
}
