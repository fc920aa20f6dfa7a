import { z } from 'zod'
import type { Jobs } from '../jobs/jobs.ts'
import type { App } from './app.ts'

const security = [{ key: [] }]

const runSchema = z.object({
  state: z.enum(['waiting', 'running', 'retrying', 'done', 'failed']),
  startedAt: z.number().nullable(),
  endedAt: z.number().nullable(),
  output: z.unknown(),
})

const statusSchema = z.object({
  name: z.string(),
  purpose: z.string(),
  schedule: z.string(),
  last: runSchema.nullable(),
  dead: z.number(),
})

const deadSchema = z.object({
  id: z.string(),
  job: z.string(),
  at: z.number(),
  output: z.unknown(),
})

/** What the service does by itself, for its operator. */
export function jobRoutes(app: App, jobs: Jobs): void {
  app.get(
    '/v1/admin/jobs',
    {
      config: { access: 'operator' },
      schema: {
        security,
        response: { 200: z.object({ jobs: z.array(statusSchema), dead: z.array(deadSchema) }) },
      },
    },
    async () => ({ jobs: await jobs.list(), dead: await jobs.dead() }),
  )

  app.post(
    '/v1/admin/jobs/:name/runs',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description: 'Runs the job now and answers when it has ended.',
        params: z.object({ name: z.string().max(64) }),
        response: { 200: runSchema },
      },
    },
    ({ params }) => jobs.run(params.name),
  )
}
