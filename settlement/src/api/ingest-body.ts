import type { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { SettlementError } from '../errors.ts'
import type { Place, Room } from '../ingest/room.ts'
import type { App } from './app.ts'

/**
 * Reads bodies into memory of their own, which can move to a thread, as far as there is room: a request that comes into a
 * full room is refused before its body is read, and one that does not fit any more while it is.
 */
export function takeBodies(app: App, room: Room): void {
  const places = new WeakMap<FastifyRequest, Place>()

  app.addHook('onRequest', async (request, reply) => {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > request.routeOptions.bodyLimit) throw tooLarge(request)
    const place = room.enter(announced)
    places.set(request, place)
    reply.raw.once('close', () => place.leave())
    reply.raw.once('finish', () => place.leave())
  })

  app.removeContentTypeParser('application/cbor')
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
      return joined(chunks, length)
    },
  )
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
