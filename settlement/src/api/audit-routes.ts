import { z } from 'zod'
import { eventJson } from '../audit-trail/event-line.ts'
import { noteLook } from '../audit-trail/look.ts'
import { overview } from '../audit-trail/overview.ts'
import { proveLeaf, provingHead, statedSessions } from '../audit-trail/prove-event.ts'
import { searchTrail } from '../audit-trail/search-trail.ts'
import type { Viewer } from '../audit-trail/trail-event.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import {
  eventsQuery,
  eventsResponse,
  filterOf,
  overviewSchema,
  periodOf,
  periodQuery,
  provedEventSchema,
} from './audit-schemas.ts'
import { operatorOf, principal } from './auth.ts'
import { counterCursor } from './schemas.ts'

const security = [{ key: [] }]
/** A person turns pages; each look is an event. */
const rateLimit = { max: 240, timeWindow: 60_000 }
const params = z.object({ id: counterCursor })

const searching =
  'Newest first. What events say of an organization is sealed with its key: they are opened one after the other, up to five ' +
  'thousand for one answer, so a page may be short and still have a `next`. Each look is in the log of access, and in the trail.'
const proving =
  'With what proves it: `body` and `salt` (base64) make the entry of the log, and `proof` is its C2SP tlog-proof, null in the ' +
  'second before it has one. `sessions` are those of a statement.'

/** The audit trail of an organization. */
export function auditRoutes(app: App, context: SettlementContext): void {
  const { now } = context

  app.get(
    '/v1/audit/events',
    {
      config: { permission: 'audit:read', rateLimit },
      schema: {
        security,
        description: searching,
        querystring: eventsQuery,
        response: { 200: eventsResponse },
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const viewer = { organization }
      await noteLook(context, request, viewer, actor, asked(request.query))
      return search(context, viewer, request.query)
    },
  )

  app.get(
    '/v1/audit/events/:id',
    {
      config: { permission: 'audit:read', rateLimit },
      schema: { security, description: proving, params, response: { 200: provedEventSchema } },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      await noteLook(context, request, { organization }, actor)
      return proved(context, { organization }, request.params.id)
    },
  )

  app.get(
    '/v1/audit/overview',
    {
      config: { permission: 'audit:read' },
      schema: {
        security,
        description: 'Events of each kind and day, and how the log and its witnesses stand.',
        querystring: periodQuery,
        response: { 200: overviewSchema },
      },
    },
    (request) => {
      const { organization } = principal(request)
      const { kind } = request.query
      return overview(context, { organization }, periodOf(request.query, now()), kind)
    },
  )
}

/** The whole log, for operators: what is an organization’s stays sealed. */
export function auditAdminRoutes(app: App, context: SettlementContext): void {
  const { now } = context

  app.get(
    '/v1/admin/audit/events',
    {
      config: { access: 'operator', rateLimit },
      schema: {
        security,
        description: `Of the whole log; what is sealed for an organization stays so, and fits no filter on it. ${searching}`,
        querystring: eventsQuery,
        response: { 200: eventsResponse },
      },
    },
    async (request) => {
      const { id } = operatorOf(request)
      await noteLook(context, request, 'platform', `operator:${id}`, asked(request.query))
      return search(context, 'platform', request.query)
    },
  )

  app.get(
    '/v1/admin/audit/events/:id',
    {
      config: { access: 'operator', rateLimit },
      schema: { security, description: proving, params, response: { 200: provedEventSchema } },
    },
    async (request) => {
      const { id } = operatorOf(request)
      await noteLook(context, request, 'platform', `operator:${id}`)
      return proved(context, 'platform', request.params.id)
    },
  )

  app.get(
    '/v1/admin/audit/overview',
    {
      config: { access: 'operator' },
      schema: { security, querystring: periodQuery, response: { 200: overviewSchema } },
    },
    (request) => {
      const { kind } = request.query
      return overview(context, 'platform', periodOf(request.query, now()), kind)
    },
  )
}

/** What was asked by: its names alone. */
const asked = (query: z.output<typeof eventsQuery>): string[] =>
  Object.entries(query)
    .filter(([name, value]) => value !== undefined && name !== 'limit')
    .map(([name]) => name)
    .sort()

async function search(
  { store, now }: SettlementContext,
  viewer: Viewer,
  query: z.output<typeof eventsQuery>,
): Promise<z.output<typeof eventsResponse>> {
  const { limit, before } = query
  const page = await searchTrail(store, {
    viewer,
    limit,
    ...periodOf(query, now()),
    ...filterOf(query),
    ...(before !== undefined && { before }),
  })
  const { events, next, scanned } = page
  return { events: events.map(eventJson), next: next?.toString() ?? null, scanned }
}

async function proved(
  { store }: SettlementContext,
  viewer: Viewer,
  id: bigint,
): Promise<z.output<typeof provedEventSchema>> {
  const event = await store.trailEvent(viewer, id)
  if (event === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such event')
  const head = await provingHead(store)
  const { leaf, kind, record, body, salt } = event
  const proof = head === undefined || leaf === null ? undefined : await proveLeaf(head, leaf)
  const isMine = viewer !== 'platform'
  const lines =
    isMine && kind === 'statement-settled' && record !== null
      ? await store.linesOfStatement(record)
      : undefined
  return {
    event: eventJson(event),
    body: Buffer.from(body).toString('base64'),
    salt: Buffer.from(salt).toString('base64'),
    proof: proof ?? null,
    sessions: lines === undefined ? [] : statedSessions(lines),
  }
}
