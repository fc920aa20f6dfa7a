import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { cardName } from '../costs/card-format.ts'
import type { CardOwner } from '../costs/card-store.ts'
import { importRequested, importSchema } from '../costs/import-request.ts'
import { CARD_BYTES_MAX } from '../costs/parse-card.ts'
import { isStale } from '../costs/refresh-cards.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { operatorOf, principal } from './auth.ts'
import { decimalText } from './decimal-schemas.ts'
import { counterCursor, counterPage, money } from './schemas.ts'

const security = [{ key: [] }]
/** In JSON a text is a little longer. */
const BODY_BYTES_MAX = 2 * CARD_BYTES_MAX

const versionSchema = z.object({
  id: money,
  organization: z.string().nullable().describe('null for the platform’s'),
  card: z.string(),
  version: z.number(),
  publisher: z.string(),
  currency: z.string(),
  effectiveFrom: z.string(),
  effectiveTo: z.string().nullable().describe('not included'),
  retrieved: z.string(),
  source: z.string(),
  verified: z.boolean().describe('whether somebody compared it with what the publisher says'),
  models: z.number(),
  publishedBy: z.string(),
  publishedAt: z.number(),
})

const feedSchema = z.object({
  card: z.string(),
  url: z.string(),
  provider: z.string().nullable(),
  triedAt: z.number().nullable(),
  succeededAt: z.number().nullable(),
  fault: z.string().nullable(),
  stale: z.boolean().describe('nothing has come for 24 hours'),
})

const listSchema = z.object({
  rateCards: z.array(versionSchema),
  feeds: z.array(feedSchema),
  next: z.string().nullable(),
})
const wholeSchema = versionSchema.extend({
  content: z.record(z.string(), z.unknown()).describe('the card as a file, its prices as strings'),
})

const importedSchema = z.object({
  outcome: z.enum(['dry-run', 'unchanged', 'published']),
  card: z.string(),
  version: z.number(),
  id: money.nullable(),
  diff: z.object({
    added: z.array(z.string()),
    removed: z.array(z.string()),
    changed: z.array(
      z.object({
        model: z.string(),
        what: z.string(),
        before: z.string().nullable(),
        after: z.string().nullable(),
        percent: decimalText.nullable(),
      }),
    ),
    suspicious: z.array(z.string()),
  }),
  leftOut: z.array(z.string()).describe('models without a price that is understood'),
  ignored: z.array(z.string()).describe('fields with prices that are not understood'),
})

const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true')
const importQuery = z.strictObject({ dryRun: flag, accept: flag })
const pageQuery = counterPage.extend({ card: cardName.optional() })
const params = z.object({ id: counterCursor })

const importDescription =
  'Publishes a new version of a rate card, out of a file of ours or LiteLLM’s list of model prices; with `dryRun` it only says what ' +
  'would change. A price that becomes more than ten times as much or as little, or 0, needs `accept`. Published versions never ' +
  'change. Prices are decimal strings for one unit.'

/** What models cost, here and elsewhere. */
export function rateCardRoutes(app: App, context: SettlementContext): void {
  const { store } = context
  const page = async (owner: CardOwner, query: z.output<typeof pageQuery>) => {
    const { card, before, limit } = query
    const rateCards = await store.rateCards({
      organization: owner,
      limit,
      ...(card !== undefined && { card }),
      ...(before !== undefined && { before }),
    })
    const last = rateCards.length < limit ? undefined : rateCards.at(-1)
    return { rateCards, feeds: await feedsOf(context, owner), next: last?.id.toString() ?? null }
  }
  const whole = async (owner: CardOwner, id: bigint) => {
    const found = await store.rateCard(owner, id)
    if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such rate card')
    return { ...found, content: JSON.parse(found.content) as Record<string, unknown> }
  }

  app.get(
    '/v1/rate-cards',
    {
      config: { permission: 'rates:read' },
      schema: {
        security,
        description: 'Versions of the organization’s own cards and the platform’s, newest first',
        querystring: pageQuery,
        response: { 200: listSchema },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      return page(organization, request.query)
    },
  )

  app.get(
    '/v1/rate-cards/:id',
    {
      config: { permission: 'rates:read' },
      schema: { security, params, response: { 200: wholeSchema } },
    },
    async (request) => {
      const { organization } = principal(request)
      return whole(organization, request.params.id)
    },
  )

  app.post(
    '/v1/rate-cards/import',
    {
      config: { permission: 'rates:write' },
      bodyLimit: BODY_BYTES_MAX,
      schema: {
        security,
        description: `${importDescription} An organization’s own card goes before the platform’s of the same name.`,
        querystring: importQuery,
        body: importSchema,
        response: { 200: importedSchema },
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const options = { owner: organization, actor, ...request.query }
      return told(await importRequested(context, request.body, options))
    },
  )

  app.delete(
    '/v1/rate-cards/feeds/:card',
    {
      config: { permission: 'rates:write' },
      schema: {
        security,
        description: 'Fetches the card no more; its versions stay',
        params: z.object({ card: cardName }),
        response: { 200: z.object({ removed: z.literal(true) }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const isRemoved = await store.dropRateCardFeed(organization, request.params.card)
      if (!isRemoved) throw new SettlementError('HANSE_NOT_FOUND', 'this card is not fetched')
      return { removed: true as const }
    },
  )

  app.get(
    '/v1/admin/rate-cards',
    {
      config: { access: 'operator' },
      schema: { security, querystring: pageQuery, response: { 200: listSchema } },
    },
    ({ query }) => page(null, query),
  )

  app.get(
    '/v1/admin/rate-cards/:id',
    {
      config: { access: 'operator' },
      schema: { security, params, response: { 200: wholeSchema } },
    },
    (request) => whole(null, request.params.id),
  )

  app.post(
    '/v1/admin/rate-cards/import',
    {
      config: { access: 'operator' },
      bodyLimit: BODY_BYTES_MAX,
      schema: {
        security,
        description: `${importDescription} For all organizations; what is fetched again and again is a setting.`,
        querystring: importQuery,
        body: importSchema.refine(({ schedule }) => !schedule, {
          error: 'the platform’s schedule is the setting rate-card-urls',
        }),
        response: { 200: importedSchema },
      },
    },
    async (request) => {
      const actor = `operator:${operatorOf(request).id}`
      const options = { owner: null, actor, ...request.query }
      return told(await importRequested(context, request.body, options))
    },
  )
}

async function feedsOf({ store, now }: SettlementContext, owner: CardOwner) {
  const feeds = await store.rateCardFeeds(owner)
  return feeds.map((feed) => ({ ...feed, stale: isStale(feed, now()) }))
}

/** What leaves may not be read-only for the schema. */
const told = (result: Awaited<ReturnType<typeof importRequested>>) =>
  structuredClone(result) as z.output<typeof importedSchema>
