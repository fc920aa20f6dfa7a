import type { App } from './app.ts'

/** Work that nobody who asked waits for. */
export type Background = (work: Promise<unknown>) => void

/** Follows work that goes on after the answer: its failures are logged, and the service closes after it. */
export function background(app: App): Background {
  const running = new Set<Promise<unknown>>()
  app.addHook('onClose', async () => {
    await Promise.all(running)
  })
  return (work) => {
    const followed = work
      .catch((err: unknown) => app.log.error({ err }, 'work after an answer failed'))
      .finally(() => running.delete(followed))
    running.add(followed)
  }
}
