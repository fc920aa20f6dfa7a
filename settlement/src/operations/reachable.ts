import { connect } from 'node:net'

/** A connection that takes longer is of no use for a payment either. */
const CONNECT_MS = 3_000
/** Balancers ask every few seconds; an outage is told soon enough. */
const KEPT_MS = 30_000

/** Whether a TCP connection to this address comes about; asked at most twice a minute. */
export function reachable(
  host: string,
  port: number,
  now: () => number = Date.now,
): () => Promise<boolean> {
  let last: Promise<boolean> = Promise.resolve(true)
  let askedAt = Number.NEGATIVE_INFINITY
  return () => {
    if (now() - askedAt >= KEPT_MS) {
      askedAt = now()
      last = connects(host, port)
    }
    return last
  }
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS })
    const end = (is: boolean): void => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}
