import type { Connection } from '@libp2p/interface'
import { isBusy } from './busy-connection.ts'
import { unreferenced } from './pause.ts'

/** What a relay carries for one connection, as it said when the connection was opened. */
interface Allowance {
  readonly bytes: bigint | undefined
  /** When the relay will end it, milliseconds since 1970. */
  readonly until: number | undefined
}

/** A connection is not begun with anew when less than this share of it is left: a session must not be cut by the limit. */
const SHARE_LEFT = 4n
/** Nor when it will end within the time of a long answer. */
const TIME_LEFT_MS = 10 * 60_000
const IDLE_POLL_MS = 1_000

/** Knows which connections through relays are still worth a new stream. */
export class RelayedConnections {
  readonly #allowances = new WeakMap<Connection, Allowance>()

  opened(connection: Connection): void {
    const { limits } = connection
    if (limits === undefined) return
    this.#allowances.set(connection, {
      bytes: limits.bytes,
      // The field is named seconds; libp2p's relay fills it with milliseconds.
      until: limits.seconds === undefined ? undefined : Date.now() + limits.seconds,
    })
  }

  /** The best of a peer's open connections for a new stream: a direct one, else one that a relay will carry for a while. */
  best(connections: readonly Connection[]): Connection | undefined {
    const open = connections.filter(({ status }) => status === 'open')
    return open.find(({ direct }) => direct) ?? open.find((connection) => this.#hasMore(connection))
  }

  #hasMore(connection: Connection): boolean {
    const allowance = this.#allowances.get(connection)
    if (connection.limits === undefined || allowance === undefined) return true
    const { bytes, until } = allowance
    const left = connection.limits.bytes ?? 0n
    if (bytes !== undefined && left * SHARE_LEFT < bytes) return false
    return until === undefined || until - Date.now() >= TIME_LEFT_MS
  }
}

/**
 * libp2p closes a relayed connection once a hole was punched to the same peer, and with it the sessions that began
 * before that. Lets them finish first: new ones take the direct connection anyway.
 */
export function closeWhenIdle(connection: Connection, stopping: AbortSignal): void {
  const close = connection.close.bind(connection)
  connection.close = async (options) => {
    if (stopping.aborted || !isBusy(connection)) return await close(options)
    const timer = unreferenced(
      setInterval(() => {
        if (!stopping.aborted && isBusy(connection)) return
        clearInterval(timer)
        // A stop of the node closes the connection itself.
        if (!stopping.aborted) close().catch((error: Error) => connection.abort(error))
      }, IDLE_POLL_MS),
    )
  }
}
