import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { EVERY } from '../exports/period.ts'
import {
  addressFor,
  EXPORT_CONTENTS,
  EXPORT_FORMATS,
  type ExportRun,
  type ExportSchedule,
  FORMATS_OF,
  KEEP_DAYS_DEFAULT,
  KEEP_DAYS_MAX,
  MEDIA_TYPES,
} from '../exports/schedule.ts'
import { checkedUrl, PostError } from '../notifications/post.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { money, nextOf, timePage } from './schemas.ts'

const security = [{ key: [] }]
const params = z.object({ id: z.string().max(64) })
const unzip = promisify(gunzip)

const address = z
  .string()
  .max(2_048)
  .describe(
    'https, reachable from the internet: each file is sent there by PUT, as to a pre-signed address; `{file}` becomes its name',
  )

const schedule = z.object({
  id: z.string(),
  name: z.string(),
  content: z.enum(EXPORT_CONTENTS),
  format: z.enum(EXPORT_FORMATS),
  every: z.enum(EVERY),
  keepDays: z.number(),
  target: z.string().nullable().describe('without what signs it'),
  createdBy: z.string(),
  createdAt: z.number(),
})

const run = z.object({
  id: z.string(),
  schedule: z.string(),
  from: z.number(),
  to: z.number(),
  state: z.enum(['waiting', 'done', 'failed']),
  attempts: z.number(),
  dueAt: z.number(),
  failure: z.string().nullable(),
  fileName: z.string().nullable(),
  bytes: money.nullable(),
  sha256: z.string().nullable(),
  file: z.string().nullable().describe('where to have it, while it is kept'),
  expiresAt: z.number().nullable(),
  createdAt: z.number(),
  endedAt: z.number().nullable(),
})

const wanted = z
  .strictObject({
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .regex(/^\P{Cc}+$/u),
    content: z.enum(EXPORT_CONTENTS),
    format: z.enum(EXPORT_FORMATS).default('csv'),
    every: z.enum(EVERY),
    keepDays: z.int().min(1).max(KEEP_DAYS_MAX).default(KEEP_DAYS_DEFAULT),
    putTo: address.optional(),
  })
  .refine(({ content, format }) => FORMATS_OF[content].includes(format), {
    error: 'there is no such form of it: usage and focus have csv and jsonl, showback csv and json',
  })
  .refine(({ content, every }) => content !== 'showback' || every === 'month', {
    error: 'showback is of a month',
  })

/** Files that are made again and again. */
export function exportScheduleRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.get(
    '/v1/exports/schedules',
    {
      config: { permission: 'exports:read' },
      schema: { security, response: { 200: z.object({ schedules: z.array(schedule) }) } },
    },
    async (request) => {
      const { organization } = principal(request)
      return { schedules: await store.exportSchedules(organization) }
    },
  )

  app.post(
    '/v1/exports/schedules',
    {
      config: { permission: 'exports:write' },
      schema: {
        security,
        description:
          'Makes a file of each day, week (from Monday) or month in UTC, six hours after its end, from the current one on. It is ' +
          'kept for `keepDays`, and put to an address where one is given.',
        body: wanted,
        response: { 200: schedule },
      },
    },
    async (request): Promise<ExportSchedule> => {
      const { organization, actor } = principal(request)
      const { putTo, ...given } = request.body
      return await store.addExportSchedule({
        ...given,
        id: `exs_${randomUUID()}`,
        organization,
        address: putTo === undefined ? null : checkedTarget(context, putTo),
        createdBy: actor,
        at: now(),
      })
    },
  )

  app.put(
    '/v1/exports/schedules/:id/target',
    {
      config: { permission: 'exports:write' },
      schema: {
        security,
        description: 'Another address, or none; also for what waits to be sent.',
        params,
        body: z.strictObject({ putTo: address.nullable() }),
        response: { 200: z.object({ id: z.string() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { putTo } = request.body
      const to = putTo === null ? null : checkedTarget(context, putTo)
      if (!(await store.setExportTarget(organization, request.params.id, to, now()))) {
        throw missing('schedule')
      }
      return request.params
    },
  )

  app.delete(
    '/v1/exports/schedules/:id',
    {
      config: { permission: 'exports:write' },
      schema: {
        security,
        description: 'What was made stays until its time is over.',
        params,
        response: { 200: z.object({ id: z.string() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { id } = request.params
      if (await store.removeExportSchedule(organization, id, now())) return request.params
      throw missing('schedule')
    },
  )

  app.get(
    '/v1/exports/runs',
    {
      config: { permission: 'exports:read' },
      schema: {
        security,
        description: 'Newest first: what was made, what waits, and what failed and why.',
        querystring: timePage.extend({ schedule: z.string().max(64).optional() }),
        response: { 200: z.object({ runs: z.array(run), next: z.string().nullable() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before, schedule: of } = request.query
      const found = await store.exportRuns({
        organization,
        limit,
        ...(before !== undefined && { before }),
        ...(of !== undefined && { schedule: of }),
      })
      const last = found.length < limit ? undefined : found.at(-1)
      return { runs: found.map(toJson), next: nextOf(last?.createdAt, last?.id) }
    },
  )

  app.get(
    '/v1/exports/runs/:id/file',
    {
      config: { permission: 'exports:read' },
      schema: { security, params, produces: Object.values(MEDIA_TYPES) },
    },
    async (request, reply) => {
      const { organization } = principal(request)
      const file = await store.exportFile(organization, request.params.id)
      if (file === undefined) throw missing('file')
      return reply
        .type(MEDIA_TYPES[file.format])
        .header('content-disposition', `attachment; filename="${file.name}"`)
        .send(await unzip(file.gzipped))
    },
  )

  app.post(
    '/v1/exports/runs/:id/retry',
    {
      config: { permission: 'exports:write' },
      schema: {
        security,
        description: 'Tries once more what was given up.',
        params,
        response: { 200: z.object({ id: z.string() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      if (await store.retryExport(organization, request.params.id, now())) return request.params
      throw missing('run that failed')
    },
  )
}

/** As far as can be seen without resolving its name. @throws {SettlementError} HANSE_EXPORT_TARGET */
function checkedTarget({ outpost }: SettlementContext, given: string): string {
  try {
    checkedUrl(addressFor(given, 'file'), outpost ?? { privateNetworks: false })
    return given
  } catch (error) {
    if (!(error instanceof PostError)) throw error
    throw new SettlementError('HANSE_EXPORT_TARGET', error.message, { cause: error })
  }
}

const toJson = ({ isKept, ...rest }: ExportRun) => ({
  ...rest,
  file: isKept ? `/v1/exports/runs/${rest.id}/file` : null,
})

const missing = (what: string) => new SettlementError('HANSE_NOT_FOUND', `no such ${what}`)
