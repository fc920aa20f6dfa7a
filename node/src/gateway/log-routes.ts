import { HanseError, type LogStore } from '@hanse/protocol'
import type { FastifyInstance } from 'fastify'

/** A checkpoint is replaced every second; whoever asks again sooner may get the same. */
const CHECKPOINT_CACHE = 'max-age=1'
const TILE_CACHE = 'public, max-age=31536000, immutable'

/** The node's own log, as C2SP tlog-tiles serves it, below /log. It holds nothing but salted commitments. */
export function registerLog(
  app: FastifyInstance,
  store: Pick<LogStore, 'readCheckpoint' | 'read'>,
): void {
  app.get('/log/checkpoint', async (_request, reply) => {
    const checkpoint = await store.readCheckpoint()
    if (checkpoint === undefined) throw notFound()
    return await reply
      .type('text/plain; charset=utf-8')
      .header('cache-control', CHECKPOINT_CACHE)
      .send(checkpoint)
  })

  app.get<{ Params: { '*': string } }>('/log/tile/*', async ({ params }, reply) => {
    const bytes = await store.read(`tile/${params['*']}`)
    if (bytes === undefined) throw notFound()
    return await reply
      .type('application/octet-stream')
      .header('cache-control', TILE_CACHE)
      .send(Buffer.from(bytes))
  })
}

function notFound(): HanseError {
  return new HanseError('HANSE_NOT_FOUND', 'the log has no such tile')
}
