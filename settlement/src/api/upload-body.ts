import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { FastifyRequest } from 'fastify'
import { SettlementError } from '../errors.ts'
import { LineFault } from '../imports/line-fault.ts'
import type { App } from './app.ts'

/** Lets bodies of every type in as streams, as they arrive, to be read with `bytesOf`. */
export function takeStreams(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request: FastifyRequest, body: Readable, done) =>
    done(null, body),
  )
}

/**
 * The bytes of a body, unpacked when they are gzip, up to the limit of the route.
 *
 * @throws {SettlementError} HANSE_REQUEST_TOO_LARGE, HANSE_MEDIA_TYPE
 * @throws {LineFault} when it is not the gzip that it says it is
 */
export async function* bytesOf(request: FastifyRequest): AsyncGenerator<Uint8Array> {
  const { bodyLimit } = request.routeOptions
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity' && encoding !== 'gzip') {
    throw new SettlementError('HANSE_MEDIA_TYPE', 'send it as it is, or with content-encoding gzip')
  }
  const isPacked = encoding === 'gzip'
  // An empty body has no type, and no stream.
  const body = request.body as Readable | null | undefined
  if (body === null || body === undefined) return
  let length = 0
  try {
    for await (const chunk of isPacked ? unpacked(body) : untouched(body)) {
      length += chunk.byteLength
      if (length > bodyLimit) {
        throw new SettlementError('HANSE_REQUEST_TOO_LARGE', `at most ${bodyLimit} bytes, unpacked`)
      }
      yield chunk
    }
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('Z_') !== true) throw error
    throw new LineFault('HANSE_IMPORT_FORMAT', 'not gzip')
  }
}

/** Left early, the stream must stay open: the refusal goes out on the same connection. */
const untouched = (body: Readable): AsyncIterable<Buffer> =>
  body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>

function unpacked(body: Readable): AsyncIterable<Buffer> {
  const gunzip = createGunzip()
  body.once('error', (error) => gunzip.destroy(error))
  return body.pipe(gunzip) as AsyncIterable<Buffer>
}
