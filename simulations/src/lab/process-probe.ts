import { isMainThread } from 'node:worker_threads'

// Loaded into a daemon before its own code (--expose-gc --import): tells of its memory, warnings and crashes in lines of
// JSON between the daemon's own. Nothing of the daemon is changed by it, and it keeps no process alive.

const SAMPLE_MS = 2_000
/** A collection of some 50 MB stops a process for some 50 ms: many processes take longer turns. */
const COLLECT_MS = Number(process.env.HANSE_PROBE_COLLECT_MS ?? 10_000)

if (isMainThread) {
  const tell = (event: string, facts: object): void => {
    process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`)
  }
  setInterval(() => tell('memory', process.memoryUsage()), SAMPLE_MS).unref()
  setInterval(() => {
    // What the first one frees through finalizers goes with the second.
    globalThis.gc?.()
    globalThis.gc?.()
    tell('live-heap', process.memoryUsage())
  }, COLLECT_MS).unref()
  process.on('warning', ({ name, message }) => tell('warning', { name, message }))
  process.on('uncaughtExceptionMonitor', (error, origin) =>
    tell('uncaught', { origin, message: error.stack ?? String(error) }),
  )
}
