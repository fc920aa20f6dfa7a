import type { Connection, Startable, Stream } from '@libp2p/interface'
import { Deadline } from './deadline.ts'
import { heardAt } from './heard.ts'
import { nextTurn } from './next-turn.ts'

export interface HeartbeatOptions {
  readonly everyMs: number
  /** How long a peer may be silent that was asked for a sign of life. */
  readonly patienceMs: number
}

interface Components {
  readonly connectionManager: { getConnections(): Connection[] }
}

const PING = '/hanse/ping/1.0.0'
const PING_BYTES = 32

/**
 * Cuts connections of peers that are gone without a word. libp2p's own monitor wants its answer in time; here anything at all
 * that the peer has sent meanwhile will do, for the answer of a busy one waits behind all that.
 */
export function heartbeat(options: HeartbeatOptions): (components: Components) => Startable {
  return ({ connectionManager }) => {
    const beating = new Set<Connection>()
    let timer: ReturnType<typeof setInterval> | undefined
    const beat = async (connection: Connection): Promise<void> => {
      if (beating.has(connection)) return
      beating.add(connection)
      await check(connection, options.patienceMs)
      beating.delete(connection)
    }
    return {
      start: () => {
        timer = setInterval(() => {
          for (const connection of connectionManager.getConnections()) void beat(connection)
        }, options.everyMs)
      },
      stop: () => clearInterval(timer),
    }
  }
}

async function check(connection: Connection, patienceMs: number): Promise<void> {
  const begun = performance.now()
  using deadline = new Deadline(patienceMs)
  let stream: Stream | undefined
  try {
    const { signal } = deadline
    stream = await connection.newStream(PING, { signal, runOnLimitedConnection: true })
    const asked = performance.now()
    await echo(stream, signal)
    connection.rtt = performance.now() - asked
    await stream.close({ signal })
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    stream?.abort(error)
    // Where this process itself was kept from running, what came meanwhile has not been read yet.
    await nextTurn()
    await nextTurn()
    if (connection.status === 'open' && heardAt(connection) < begun) connection.abort(error)
  }
}

/** Resolves when as many bytes have come back. @throws when the stream ends first, or the signal's reason */
async function echo(stream: Stream, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let left = PING_BYTES
  stream.addEventListener('message', ({ data }) => {
    left -= data.byteLength
    if (left <= 0) resolve()
  })
  stream.addEventListener('close', () => reject(new Error('the peer does not answer pings')))
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  stream.send(crypto.getRandomValues(new Uint8Array(PING_BYTES)))
  await promise
}
