import type { Stream } from '@libp2p/interface'

/**
 * Carries bytes between two streams, both ways, until one of them ends or a direction has carried `bytesMax`. A reader
 * that is slow holds its writer back, so that the relay keeps no more than a window of each: libp2p's own `pipe` takes
 * what comes without a bound.
 */
export function forward(one: Stream, other: Stream, bytesMax: bigint | undefined): void {
  carry(one, other, bytesMax)
  carry(other, one, bytesMax)
}

function carry(from: Stream, to: Stream, bytesMax: bigint | undefined): void {
  let left = bytesMax
  from.addEventListener('message', ({ data }) => {
    if (left !== undefined) {
      left -= BigInt(data.byteLength)
      if (left < 0n) {
        const error = new Error('the relay’s limit of bytes is reached')
        from.abort(error)
        to.abort(error)
        return
      }
    }
    try {
      if (!to.send(data)) pauseSoon(from, to)
    } catch (error) {
      from.abort(asError(error))
    }
  })
  from.addEventListener('end', () => {
    // Nothing more comes, and all that came was handed on.
    to.close().catch((error: unknown) => to.abort(asError(error)))
  })
  from.addEventListener('close', ({ error }) => {
    if (error !== undefined) to.abort(error)
    // What was held back is delivered now, and 'end' follows.
    else if (from.readStatus === 'paused') from.resume()
  })
  to.addEventListener('drain', () => {
    if (from.readStatus === 'paused') from.resume()
  })
  to.addEventListener('close', () => {
    if (from.status === 'open') from.abort(new Error('the other end is gone'))
  })
}

// A microtask later: resume() delivers data too, and would undo a pause() made inside it.
function pauseSoon(from: Stream, to: Stream): void {
  queueMicrotask(() => {
    if (to.writableNeedsDrain && from.readStatus === 'readable' && from.status === 'open')
      from.pause()
  })
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
