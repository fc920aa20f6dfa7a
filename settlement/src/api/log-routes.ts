import { parseTilePath } from '@hanse/protocol'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { signedJson, toSignedJson } from './schemas.ts'

/** A batch goes in every second: a reader behind a cache is at most so far behind. */
const CHECKPOINT_CACHE = 'public, max-age=2'
/** What a tile's path names never changes. */
const TILE_CACHE = 'public, max-age=31536000, immutable'

/** The public log, as C2SP tlog-tiles has it, and the proofs that nodes keep with their sessions. */
export function logRoutes(app: App, { log, store }: SettlementContext): void {
  if (log === undefined) return

  app.get(
    '/log/checkpoint',
    { config: { access: 'public' }, schema: { hide: true } },
    async (_request, reply) => {
      const head = await store.logHead()
      if (head === undefined) throw notThere()
      return reply
        .type('text/plain; charset=utf-8')
        .header('cache-control', CHECKPOINT_CACHE)
        .send(head.cosigned)
    },
  )

  app.get(
    '/log/tile/*',
    { config: { access: 'public' }, schema: { hide: true } },
    async (request, reply) => {
      const path = `tile/${(request.params as { '*': string })['*']}`
      const bytes = isTilePath(path) ? await store.logTile(path) : undefined
      if (bytes === undefined) throw notThere()
      return reply
        .type('application/octet-stream')
        .header('cache-control', TILE_CACHE)
        .send(Buffer.from(bytes))
    },
  )

  app.get(
    '/v1/log/key',
    {
      config: { access: 'public' },
      schema: {
        response: { 200: z.object({ origin: z.string(), vkey: z.string(), key: signedJson }) },
      },
    },
    () => ({ origin: log.origin, vkey: log.vkey, key: toSignedJson(log.key) }),
  )

  app.get(
    '/v1/log/proof/:cid',
    {
      config: { access: 'public' },
      schema: {
        description:
          'DAG-CBOR of a hanse.settlement-proof.v1 about a session or another record; `since` is the size of a checkpoint that the reader remembers',
        params: z.object({ cid: z.string().max(80) }),
        querystring: z.object({
          since: z
            .string()
            .regex(/^\d{1,18}$/u)
            .optional(),
        }),
      },
    },
    async (request, reply) => {
      const { since } = request.query
      const proof = await log.prove(
        request.params.cid,
        since === undefined ? undefined : BigInt(since),
      )
      if (proof === undefined) {
        throw new SettlementError('HANSE_AUDIT_PENDING', 'no event about this is in the log')
      }
      return reply.type('application/cbor').send(Buffer.from(proof))
    },
  )
}

function isTilePath(path: string): boolean {
  try {
    parseTilePath(path)
    return true
  } catch {
    return false
  }
}

const notThere = () => new SettlementError('HANSE_NOT_FOUND', 'the log does not have this')
