import { LOG_EVENT_KINDS, parseCheckpoint } from '@hanse/protocol'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import type { App } from './app.ts'
import { counterCursor, money } from './schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 500

/** How the log stands, and what its latest places hold; what is sealed in an event stays sealed. */
export function logAdminRoutes(app: App, { log, store }: SettlementContext): void {
  app.get(
    '/v1/admin/log',
    {
      config: { access: 'operator' },
      schema: {
        security,
        response: {
          200: z.object({
            /** Null where this process does not write the log. */
            origin: z.string().nullable(),
            vkey: z.string().nullable(),
            size: money,
            root: z.string().nullable(),
            /** Lines of witnesses under it included. */
            checkpoint: z.string().nullable(),
            waiting: z.number(),
            witnesses: z.array(z.object({ vkey: z.string(), size: money })),
          }),
        },
      },
    },
    async () => {
      const head = await store.logHead()
      const checkpoint = head === undefined ? undefined : parseCheckpoint(head.note)
      return {
        origin: log?.origin ?? null,
        vkey: log?.vkey ?? null,
        size: checkpoint?.size ?? 0n,
        root: checkpoint === undefined ? null : Buffer.from(checkpoint.root).toString('base64'),
        checkpoint: head?.cosigned ?? null,
        waiting: await store.waitingCount(),
        witnesses: await store.logWitnesses(),
      }
    },
  )

  app.get(
    '/v1/admin/log/entries',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description: 'By their places in the tree, the newest first',
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
          before: counterCursor.optional(),
        }),
        response: {
          200: z.object({
            entries: z.array(
              z.object({
                leaf: money,
                kind: z.enum(LOG_EVENT_KINDS),
                record: z.string().nullable(),
                at: z.number(),
              }),
            ),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async ({ query }) => {
      const { before } = query
      const entries = await store.logEntries({
        limit: query.limit,
        ...(before !== undefined && { before }),
      })
      const last = entries.length < query.limit ? undefined : entries.at(-1)
      return { entries, next: last?.leaf.toString() ?? null }
    },
  )
}
