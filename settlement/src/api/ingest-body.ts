import type { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { SettlementError } from '../errors.ts'
import { busy, type Place, type Room } from '../ingest/room.ts'
import type { App } from './app.ts'

/** Works on the body of this request. @throws {SettlementError} HANSE_INGEST_BUSY when its sender has hung up already */
export type AtWork = <Result>(
  request: FastifyRequest,
  work: () => Promise<Result>,
) => Promise<Result>

/**
 * Reads bodies into memory of their own, which can move to a thread, as far as there is room: a request that comes into a
 * full room is refused before its body is read, and one that does not fit any more while it is. A sender who hangs up gives
 * the place back while the body comes; once it is worked on the place is kept until that has ended, for the work does.
 */
export function takeBodies(app: App, room: Room): AtWork {
  /** Of those whose work has not begun. */
  const places = new WeakMap<FastifyRequest, Place>()
  const leave = (request: FastifyRequest): void => {
    places.get(request)?.leave()
    places.delete(request)
  }

  app.addHook('onRequest', async (request, reply) => {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > request.routeOptions.bodyLimit) throw tooLarge(request)
    places.set(request, room.enter(announced, request.ip))
    reply.raw.once('close', () => leave(request))
    reply.raw.once('finish', () => leave(request))
  })

  // Also those of other types, whose bytes nobody would count.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/cbor',
    async (request: FastifyRequest, payload: Readable) => {
      const place = places.get(request)
      const chunks: Buffer[] = []
      let length = 0
      // Left early, it must stay open: the refusal goes out on the same connection.
      const arriving = payload.iterator({ destroyOnReturn: false })
      for await (const chunk of arriving as AsyncIterable<Buffer>) {
        length += chunk.byteLength
        if (length > request.routeOptions.bodyLimit) throw tooLarge(request)
        place?.take(chunk.byteLength)
        chunks.push(chunk)
      }
      place?.arrived()
      return joined(chunks, length)
    },
  )

  return async (request, work) => {
    const place = places.get(request)
    if (place === undefined) throw busy('its sender has hung up')
    places.delete(request)
    try {
      return await work()
    } finally {
      place.leave()
    }
  }
}

/** Not a Buffer, which may be a window on a pool shared with others. */
function joined(chunks: readonly Buffer[], length: number): Uint8Array {
  const body = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.byteLength
  }
  return body
}

const tooLarge = ({ routeOptions }: FastifyRequest) =>
  new SettlementError('HANSE_REQUEST_TOO_LARGE', `at most ${routeOptions.bodyLimit} bytes`)
