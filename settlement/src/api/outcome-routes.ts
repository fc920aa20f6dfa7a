import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { type OutcomeRow, RETURN_GROUPS } from '../outcomes/outcome-store.ts'
import { frontier, returnsOf } from '../outcomes/returns.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]
const OUTCOMES_MAX = 1_000
const BODY_BYTES = 1 << 20
const TAGS_MAX = 20
const GROUPS_MAX = 200
/** Fewer verdicts say too little of a model to recommend it. */
const FRONTIER_OUTCOMES_MIN = 20
const DAY_MS = 86_400_000
const RANGE_MS_MAX = 366 * DAY_MS
/** A verdict may be dated by a clock that is a little ahead. */
const AHEAD_MS = 15 * 60_000

const word = z.string().min(1).max(64)
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const valuePattern = /^-?\d{1,30}$/u

const outcome = z
  .strictObject({
    session: z.string().min(1).max(100).describe('CID of its order: the header `x-hanse-session`'),
    name: word.default('outcome'),
    good: z.boolean().optional(),
    score: z.number().min(0).max(1).optional().describe('six decimals are kept'),
    value: z.string().regex(valuePattern).transform(BigInt).optional().describe('pico-euro'),
    promptVersion: z.string().max(64).default(''),
    tags: z.array(word).max(TAGS_MAX).default([]),
    at: time.optional().describe('now when it is not given'),
  })
  .refine(
    ({ good, score, value }) => good !== undefined || score !== undefined || value !== undefined,
    {
      error: 'say whether it was `good`, its `score`, or its `value`',
    },
  )

const query = z
  .strictObject({
    from: time,
    to: time,
    name: word.default('outcome'),
    group: z.enum(RETURN_GROUPS).default('model'),
    threshold: z.coerce.number().min(0).max(1).default(0.5),
  })
  .refine(({ from, to }) => from < to && to - from <= RANGE_MS_MAX, {
    error: '`to` must be after `from`, by a year at most',
  })

const returns = z.object({
  key: z.string(),
  outcomes: z.number(),
  settled: z.number(),
  good: z.number(),
  cost: money,
  value: money,
  profit: money,
  costPerGood: money.nullable(),
  share: z.number(),
  shareLow: z.number(),
  shareHigh: z.number(),
})

const description =
  'What was paid for each good outcome, by model, provider, prompt version or tag. Costs are of the sessions with a verdict that are ' +
  'settled here; `shareLow` and `shareHigh` are the 95 % interval of the share of good ones. `frontier` names the groups that nothing ' +
  'else beats in cost and quality at once, of those with at least twenty verdicts, from the cheapest to the best. Money is pico-euro.'

/** What sessions were good for, against what they cost. */
export function outcomeRoutes(app: App, { store, now }: SettlementContext): void {
  app.post(
    '/v1/outcomes',
    {
      config: { permission: 'outcomes:write' },
      bodyLimit: BODY_BYTES,
      schema: {
        security,
        description:
          'Says what sessions were good for. Of one session and name the last word counts.',
        body: z.strictObject({ outcomes: z.array(outcome).min(1).max(OUTCOMES_MAX) }),
        response: { 200: z.object({ received: z.number(), written: z.number() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const at = now()
      const outcomes = request.body.outcomes.map((one) => ({
        ...one,
        good: one.good ?? null,
        score: one.score ?? null,
        value: one.value ?? null,
        at: Math.min(one.at ?? at, at + AHEAD_MS),
      }))
      const written = await store.recordOutcomes(organization, outcomes, at)
      return { received: outcomes.length, written }
    },
  )

  app.get(
    '/v1/returns',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description,
        querystring: query,
        response: { 200: z.object({ returns: z.array(returns), frontier: z.array(z.string()) }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const sums = await store.outcomeSums({ organization, ...request.query, limit: GROUPS_MAX })
      return { returns: sums.map(toReturns), frontier: frontier(choicesOf(sums)) }
    },
  )
}

const toReturns = ({ key, ...sums }: OutcomeRow) => ({ key, ...returnsOf(sums) })

const choicesOf = (sums: readonly OutcomeRow[]) =>
  sums
    .filter(({ settled, outcomes }) => settled > 0 && outcomes >= FRONTIER_OUTCOMES_MIN)
    .map(({ key, cost, settled, good, outcomes }) => ({
      key,
      cost: cost / BigInt(settled),
      share: good / outcomes,
    }))
