import type { Connection, MessageStream, StreamMuxer } from '@libp2p/interface'

const last = new WeakMap<StreamMuxer, { at: number }>()

/** Remembers when something came over the connection below a muxer. */
export function listen(connection: MessageStream, muxer: StreamMuxer): void {
  const heard = { at: performance.now() }
  last.set(muxer, heard)
  connection.addEventListener('message', () => {
    heard.at = performance.now()
  })
}

/** When something came from the peer for the last time, by the monotonic clock; zero where that is not known. */
export function heardAt(connection: Connection): number {
  const muxer: unknown = Reflect.get(connection, 'muxer')
  return (typeof muxer === 'object' && muxer !== null && last.get(muxer as StreamMuxer)?.at) || 0
}
