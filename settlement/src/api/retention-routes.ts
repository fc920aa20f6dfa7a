import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { RETENTION_CLASSES } from '../retention/classes.ts'
import { HOLD_SCOPES, type LegalHold } from '../retention/legal-hold.ts'
import { retentionPlan } from '../retention/plan.ts'
import { runRetention } from '../retention/run-retention.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'

const security = [{ key: [] }]
const config = { access: 'operator' } as const
const RUNS_SHOWN = 30
const HOLDS_MAX = 500
/** Less than the program waits for; what is left is done by the next run. */
const RUN_MS = 300_000

const spoken = z.object({ en: z.string(), de: z.string() })
const counted = {
  due: z.number(),
  held: z.number(),
  oldest: z.number().nullable(),
}
const reportSchema = z.array(
  z.object({
    className: z.string(),
    table: z.string(),
    before: z.number(),
    removed: z.number(),
    ...counted,
  }),
)
const holdSchema = z.object({
  id: z.string(),
  scope: z.enum(HOLD_SCOPES),
  subject: z.string(),
  reason: z.string(),
  placedBy: z.string(),
  placedAt: z.number(),
  releasedBy: z.string().nullable(),
  releasedAt: z.number().nullable(),
})

/** How long what is kept, what was removed, and what must not be. */
export function retentionRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.get(
    '/v1/admin/retention',
    {
      config,
      schema: {
        security,
        description:
          'Every kind of data with its period and tables, what the next run would remove, what is held, and the last runs. Counts end at 100,000.',
        response: {
          200: z.object({
            classes: z.array(
              z.object({
                name: z.string(),
                what: spoken,
                why: spoken,
                days: z.number().nullable(),
                defaultDays: z.number().nullable(),
                leastDays: z.number().nullable(),
                leastWhy: z.string().nullable(),
                before: z.number().nullable(),
                tables: z
                  .array(
                    z.object({
                      table: z.string(),
                      removal: z.enum(['age', 'month', 'with', 'account', 'kept']),
                      state: z.object(counted).nullable(),
                    }),
                  )
                  .readonly(),
              }),
            ),
            holds: z.array(holdSchema),
            runs: z.array(
              z.object({
                id: z.string(),
                askedBy: z.string(),
                startedAt: z.number(),
                endedAt: z.number().nullable(),
                report: reportSchema,
              }),
            ),
          }),
        },
      },
    },
    async () => ({
      classes: await retentionPlan(context),
      holds: await store.legalHolds(true, HOLDS_MAX),
      runs: (await store.retentionRuns(RUNS_SHOWN)).map((run) => ({
        ...run,
        id: run.id.toString(),
        report: [...run.report],
      })),
    }),
  )

  app.post(
    '/v1/admin/retention/runs',
    {
      config,
      schema: {
        security,
        description: 'Removes now what is due; with `dryRun` only says what would go.',
        body: z.strictObject({ dryRun: z.boolean().default(false) }),
        response: { 200: z.object({ dryRun: z.boolean(), report: reportSchema }) },
      },
    },
    async (request) => {
      const { dryRun } = request.body
      const signal = AbortSignal.timeout(RUN_MS)
      const by = operatorOf(request).id
      return { dryRun, report: await runRetention(context, { dryRun, by, signal }) }
    },
  )

  app.get(
    '/v1/admin/legal-holds',
    {
      config,
      schema: {
        security,
        querystring: z.strictObject({ open: z.stringbool().default(true) }),
        response: { 200: z.object({ holds: z.array(holdSchema) }) },
      },
    },
    async ({ query: { open } }) => ({ holds: await store.legalHolds(open, HOLDS_MAX) }),
  )

  app.post(
    '/v1/admin/legal-holds',
    {
      config,
      schema: {
        security,
        description:
          'Nothing that it names is removed by age until it is released: everything, a class of data, or what is about an organization, a person or a provider.',
        body: z.strictObject({
          scope: z.enum(HOLD_SCOPES),
          subject: z.string().max(64).default(''),
          reason: z.string().trim().min(1).max(500),
        }),
        response: { 200: holdSchema },
      },
    },
    (request): Promise<LegalHold> => {
      const { scope, subject, reason } = request.body
      const fault = faultOf(scope, subject)
      if (fault !== undefined) throw new SettlementError('HANSE_REQUEST_INVALID', fault)
      const by = operatorOf(request).id
      return store.placeLegalHold({ scope, subject, reason, by, at: now() })
    },
  )

  app.post(
    '/v1/admin/legal-holds/:id/release',
    {
      config,
      schema: {
        security,
        params: z.object({ id: z.string().max(64) }),
        response: { 200: holdSchema },
      },
    },
    (request) => store.releaseLegalHold(request.params.id, operatorOf(request).id, now()),
  )
}

function faultOf(scope: LegalHold['scope'], subject: string): string | undefined {
  if ((scope === 'everything') !== (subject === '')) {
    return 'subject: an id or a class, and empty only of everything'
  }
  const isClass = scope !== 'class' || RETENTION_CLASSES.some(({ name }) => name === subject)
  return isClass ? undefined : `subject: no class ${subject}`
}
