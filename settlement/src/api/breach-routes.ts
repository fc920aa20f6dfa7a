import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { touchedTables } from '../breaches/affected-subjects.ts'
import { clockRuns, dueAt, mustInformSubjects, RISKS, reminderOf } from '../breaches/breach.ts'
import type { StoredBreach } from '../breaches/breach-store.ts'
import { DRAFTS, draftOf } from '../breaches/drafts.ts'
import type { SettlementContext } from '../context.ts'
import { LANGUAGES } from '../documents/render/words.ts'
import { SettlementError } from '../errors.ts'
import { DATA_CLASSES, REGISTER, SUBJECT_KINDS } from '../rights/register/index.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { peerId } from './schemas.ts'

const security = [{ key: [] }]
const config = { access: 'operator' } as const
const PAGE_MAX = 500
const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(100)
const id = z.string().regex(/^br_[0-9a-f-]{36}$/u)
const params = z.object({ id })
const at = z.int().min(0)
const text = z.string().trim().min(1)
const reasons = text.max(4000)

const filterFields = z.strictObject({
  from: z.coerce.number().int().min(0),
  to: z.coerce.number().int().min(0),
  provider: peerId.optional(),
  organization: z.string().max(64).optional(),
  key: z.string().max(64).optional(),
})
const affectedQuery = filterFields
  .extend({ after: z.string().max(64).default(''), limit })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be after from' })

const oneOrMore = <Item extends z.ZodType>(item: Item, max: number) =>
  z.preprocess((given) => (given === undefined ? given : [given].flat()), z.array(item).max(max))
const subjectsQuery = z.strictObject({
  subjectKind: z.enum(SUBJECT_KINDS),
  class: oneOrMore(z.enum(DATA_CLASSES), DATA_CLASSES.length),
  table: oneOrMore(z.enum(Object.keys(REGISTER)), Object.keys(REGISTER).length).optional(),
  after: z.string().max(128).default(''),
  limit,
})

const words = z.strictObject({
  nature: text.max(8000).optional(),
  categories: text.max(4000).optional(),
  consequences: text.max(4000).optional(),
  measures: text.max(8000).optional(),
})

const step = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('described'), words }),
  z.strictObject({ kind: z.literal('assessed'), risk: z.enum(RISKS), reasons }),
  z.strictObject({
    kind: z.literal('authority-notified'),
    notifiedAt: at,
    reference: text.max(200),
    delay: reasons.nullable().default(null),
  }),
  z.strictObject({
    kind: z.literal('subjects-informed'),
    informedAt: at,
    how: text.max(500),
    people: z.int().min(0),
  }),
  z.strictObject({ kind: z.literal('subjects-exempt'), reasons }),
  z.strictObject({ kind: z.literal('noted'), text: reasons }),
  z.strictObject({ kind: z.literal('closed'), reasons }),
  z.strictObject({ kind: z.literal('reopened'), reasons }),
])

const breachSchema = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(['assessing', 'assessed', 'closed']),
  detectedAt: z.number(),
  beganAt: z.number().nullable(),
  risk: z.enum(RISKS).nullable(),
  words: words.partial(),
  authorityNotifiedAt: z.number().nullable(),
  authorityReference: z.string().nullable(),
  subjectsInformedAt: z.number().nullable(),
  subjectsInformed: z.number(),
  subjectsExempt: z.boolean(),
  mustInformSubjects: z.boolean(),
  clock: z.object({
    running: z.boolean(),
    dueAt: z.number(),
    leftMs: z.number(),
    reminderHours: z.number().nullable(),
  }),
})
const withHistory = breachSchema.extend({
  history: z.array(
    z.object({
      number: z.number(),
      by: z.string(),
      at: z.number(),
      step: z.record(z.string(), z.unknown()),
    }),
  ),
})

/** The register of breaches of personal data (Art. 33 (5) GDPR), for operators. */
export function breachRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.post(
    '/v1/admin/breaches',
    {
      config,
      schema: {
        security,
        description:
          'Records a breach. The 72 hours run from `detectedAt`; operators are reminded after 24, 48 and 66 hours, and when they are over.',
        body: z.strictObject({
          title: text.max(200),
          detectedAt: at.optional(),
          beganAt: at.nullable().default(null),
        }),
        response: { 200: withHistory },
      },
    },
    async (request) => {
      const { title, beganAt } = request.body
      const detectedAt = request.body.detectedAt ?? now()
      if (detectedAt > now()) {
        throw new SettlementError('HANSE_REQUEST_INVALID', 'detectedAt: lies in the future')
      }
      const first = { kind: 'detected', title, detectedAt, beganAt } as const
      const by = operatorOf(request).id
      return full(await store.takeBreachStep(`br_${randomUUID()}`, first, by, now()))
    },
  )

  app.get(
    '/v1/admin/breaches',
    {
      config,
      schema: {
        security,
        querystring: z.strictObject({
          open: z.stringbool().default(false),
          before: id.optional(),
          limit,
        }),
        response: {
          200: z.object({ breaches: z.array(breachSchema), next: z.string().nullable() }),
        },
      },
    },
    async ({ query: { open, before, limit: most } }) => {
      const found = await store.breaches({
        open,
        limit: most,
        ...(before !== undefined && { before }),
      })
      const next = found.length < most ? null : (found.at(-1)?.id ?? null)
      return { breaches: found.map(summary), next }
    },
  )

  app.get(
    '/v1/admin/breaches/:id',
    { config, schema: { security, params, response: { 200: withHistory } } },
    async ({ params: { id: wanted } }) => full(await find(wanted)),
  )

  app.post(
    '/v1/admin/breaches/:id/steps',
    {
      config,
      schema: {
        security,
        description:
          'The next step: described, assessed, authority-notified, subjects-informed, subjects-exempt, noted, closed or reopened. It is kept with who took it; nothing is ever changed.',
        params,
        body: step,
        response: { 200: withHistory },
      },
    },
    async (request) => {
      const { body } = request
      const told =
        'notifiedAt' in body ? body.notifiedAt : 'informedAt' in body ? body.informedAt : 0
      if (told > now()) throw new SettlementError('HANSE_REQUEST_INVALID', 'lies in the future')
      const taken = body.kind === 'described' ? { ...body, words: given(body.words) } : body
      const by = operatorOf(request).id
      return full(await store.takeBreachStep(request.params.id, taken, by, now()))
    },
  )

  app.get(
    '/v1/admin/breaches/affected',
    {
      config,
      schema: {
        security,
        description:
          'Whose data may be concerned, from settled sessions, members and the log of access: organizations with sessions in a time, at a provider, of an organization, or by a key.',
        querystring: affectedQuery,
        response: {
          200: z.object({
            counts: z.object({
              organizations: z.number(),
              people: z.number(),
              sessions: z.number(),
            }),
            affected: z.array(
              z.object({
                organization: z.string(),
                name: z.string().nullable(),
                sessions: z.number(),
                firstAt: z.number().nullable(),
                lastAt: z.number().nullable(),
                people: z.number(),
                accesses: z.number(),
              }),
            ),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async ({ query: { after, limit: most, ...filter } }) => {
      const asked = given(filter)
      const affected = await store.affectedOrganizations(asked, { after, limit: most })
      const next = affected.length < most ? null : (affected.at(-1)?.organization ?? null)
      return { counts: await store.affectedCounts(asked), affected, next }
    },
  )

  app.get(
    '/v1/admin/breaches/affected/people',
    {
      config,
      schema: {
        security,
        description: 'Members of those organizations in that time, with where to write to them.',
        querystring: affectedQuery,
        response: {
          200: z.object({
            people: z.array(
              z.object({
                person: z.string(),
                email: z.string().nullable(),
                organization: z.string(),
              }),
            ),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async ({ query: { after, limit: most, ...filter } }) => {
      const people = await store.affectedPeople(given(filter), { after, limit: most })
      return { people, next: people.length < most ? null : (people.at(-1)?.person ?? null) }
    },
  )

  app.get(
    '/v1/admin/breaches/affected/subjects',
    {
      config,
      schema: {
        security,
        description:
          'Who is in the data that a breach has touched, as the register of personal data knows it: people, organizations or providers with rows that hold such classes of data, in all tables or those that are named; with where to write to them (Art. 34).',
        querystring: subjectsQuery,
        response: {
          200: z.object({
            count: z.number(),
            tables: z.array(
              z.object({
                table: z.string(),
                purpose: z.string(),
                columns: z.array(z.object({ column: z.string(), class: z.enum(DATA_CLASSES) })),
              }),
            ),
            subjects: z.array(
              z.object({
                subject: z.string(),
                name: z.string().nullable(),
                email: z.string().nullable(),
                tables: z.array(z.string()),
              }),
            ),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async ({ query: { subjectKind, class: classes, table: tables, after, limit: most } }) => {
      const data = { classes, tables }
      const subjects = await store.affectedSubjects(subjectKind, data, { after, limit: most })
      return {
        count: await store.affectedSubjectCount(subjectKind, data),
        tables: touchedTables(subjectKind, data).map((one) => ({
          ...one,
          columns: [...one.columns],
        })),
        subjects: subjects.map((one) => ({ ...one, tables: [...one.tables] })),
        next: subjects.length < most ? null : (subjects.at(-1)?.subject ?? null),
      }
    },
  )

  app.get(
    '/v1/admin/breaches/:id/drafts/:draft',
    {
      config,
      schema: {
        security,
        description:
          'A letter to begin with, in Markdown: to the authority (Art. 33 (3)) or to the people concerned (Art. 34 (2)). With `from` and `to` it counts who is affected. Nothing is sent.',
        params: params.extend({ draft: z.enum(DRAFTS) }),
        querystring: filterFields.partial().extend({ lang: z.enum(LANGUAGES).default('en') }),
        response: { 200: z.object({ markdown: z.string() }) },
      },
    },
    async ({ params: { id: wanted, draft }, query: { lang, ...filter } }) => {
      const { breach } = await find(wanted)
      const { from, to, ...where } = filter
      const counts =
        from === undefined || to === undefined
          ? null
          : await store.affectedCounts({ from, to, ...given(where) })
      return { markdown: draftOf(context, draft, lang, { id: wanted, breach, counts }) }
    },
  )

  async function find(wanted: string): Promise<StoredBreach> {
    const found = await store.breach(wanted)
    if (found !== undefined) return found
    throw new SettlementError('HANSE_NOT_FOUND', `no breach ${wanted}`)
  }

  const full = (stored: StoredBreach) => ({
    ...summary(stored),
    history: stored.steps.map((taken) => ({ ...taken, step: { ...taken.step } })),
  })

  function summary({ id: name, breach }: StoredBreach) {
    return {
      id: name,
      ...breach,
      mustInformSubjects: mustInformSubjects(breach),
      clock: {
        running: clockRuns(breach),
        dueAt: dueAt(breach),
        leftMs: Math.max(0, dueAt(breach) - now()),
        reminderHours: reminderOf(breach, now()) ?? null,
      },
    }
  }
}

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Without what was not given. */
const given = <T extends object>(all: T): Given<T> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Given<T>
