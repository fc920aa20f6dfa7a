import { setTimeout } from 'node:timers/promises'
import pg from 'pg'

const RETRY_MS = 1_000

/** Hears what transactions of any process tell on a channel, from a connection of its own that is made again when it breaks. */
export interface Listener extends AsyncDisposable {
  /** Not while it connects: what is told then is missed. */
  readonly isListening: boolean
}

export function listen(
  databaseUrl: string,
  channel: string,
  heard: (payload: string) => void,
): Listener {
  const stop = new AbortController()
  let client: pg.Client | undefined
  let isListening = false
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await hear().catch(() => undefined)
      isListening = false
      await setTimeout(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }
  /** Until the connection ends. */
  const hear = async (): Promise<void> => {
    const made = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'hanse-settlement listen',
    })
    const ended = new Promise<void>((resolve) => {
      made.once('end', resolve)
      made.on('error', () => resolve())
    })
    made.on('notification', ({ payload }) => heard(payload ?? ''))
    client = made
    await made.connect()
    await made.query(`listen ${channel}`)
    isListening = true
    if (!stop.signal.aborted) await ended
    await made.end()
  }
  const running = run()
  return {
    get isListening() {
      return isListening
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      // `end` waits for ever where the connection is still being made, and of what is only heard nothing is lost.
      client?.connection.stream.destroy()
      await running
    },
  }
}
