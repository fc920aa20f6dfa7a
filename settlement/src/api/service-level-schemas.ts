import { z } from 'zod'
import { isMonth } from '../documents/month.ts'
import { PLAN_NAMES } from '../plans/catalogue.ts'
import { CREDIT_STATES } from '../service-levels/credit-store.ts'
import { shareBps } from '../service-levels/level.ts'
import type { LevelScope } from '../service-levels/level-store.ts'
import {
  type MeasurementQuery,
  type ObservedMeasurement,
  SERVICE_GROUPS,
} from '../service-levels/measurement-store.ts'
import { PACE_BOUNDS, paceQuantile, timedOf } from '../service-levels/pace.ts'
import { type Latencies, latencyQuantile, observedOf } from '../session-notes/latency.ts'
import { money, wholeHour } from './schemas.ts'

const HOUR_MS = 3_600_000
/** Two years and a bit, to compare a month with that of the year before. */
const RANGE_MS_MAX = 800 * 24 * HOUR_MS
const PAGE_MAX = 1_000
/** Nobody negotiates more. */
const STEPS_MAX = 5

export const month = z.string().max(7).refine(isMonth, { error: 'not a month such as 2026-10' })

const bps = z.int().min(1).max(10_000)
const steps = z
  .array(
    z.strictObject({
      belowBps: bps.describe('hit by a share below this: 9990 is 99.9 %'),
      creditBps: bps.describe('what is credited of the month’s spend: 1000 is 10 %'),
    }),
  )
  .max(STEPS_MAX)

export const levelSchema = z
  .strictObject({
    availability: steps.describe('of answered and failed sessions, the share of answered ones'),
    pace: z
      .strictObject({
        msPerToken: z
          .literal(PACE_BOUNDS)
          .describe('from the acceptance to the last receipt, for each output token'),
        steps: steps.min(1),
      })
      .nullable()
      .default(null)
      .describe('of answers, the share that was no slower'),
    sessionsMin: z.int().min(1).max(1_000_000).default(100),
    posting: z.enum(['automatic', 'approval']).default('approval'),
  })
  .refine(({ availability, pace }) => availability.length > 0 || pace !== null, {
    error: 'promise something',
  })

const SCOPE = new RegExp(
  `^(?:platform|plan/(?:${PLAN_NAMES.join('|')})|organization/[\\w-]{1,64})$`,
  'u',
)
export const scope = z
  .string()
  .regex(SCOPE, { error: 'platform, plan/<name> or organization/<id>' })
  .transform((text) => text as LevelScope)

export const measurementQuery = z.strictObject({
  from: wholeHour,
  to: wholeHour,
  group: z.enum(SERVICE_GROUPS).default('provider'),
  after: z.string().max(256).optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
})

export const isRange = ({ from, to }: { from: number; to: number }): boolean =>
  from < to && to - from <= RANGE_MS_MAX
export const RANGE_ERROR = { error: '`to` must be after `from`, by 800 days at most' }

const latency = z.object({
  observed: money,
  msP50: z.number().nullable(),
  msP95: z.number().nullable(),
})

export const measurementResponse = {
  200: z.object({
    measurements: z.array(
      z.object({
        key: z.string(),
        good: money,
        failed: money,
        ended: money,
        cut: money,
        availabilityBps: z.number().nullable(),
        timed: money,
        msPerTokenP50: z.number().nullable(),
        msPerTokenP95: z.number().nullable(),
        firstToken: latency,
        answer: latency,
      }),
    ),
    next: z.string().nullable(),
  }),
}

export const measurementDescription =
  'How sessions went, as both sides signed it, by provider, model, day or month (UTC). `good` were answered, `failed` by the provider’s own ' +
  'word, `ended` by the consumer or its terms, `cut` have no last word; `availabilityBps` is good / (good + failed). Paces are of ' +
  'the `timed` ones: milliseconds for each output token, as the least of the fixed bounds that half, or 95 %, of them kept. ' +
  '`firstToken` and `answer` are milliseconds from the order to the first token and to the end by the consumers’ own clocks, of the ' +
  '`observed` answers that their nodes told of: they are shown, and nothing is judged by them. Hours ' +
  'of announced maintenance are left out. A session counts in the hour in which it was accepted; `from` and `to` are whole hours.'

const P50 = 5_000
const P95 = 9_500

export function toMeasurements(limit: number, found: readonly ObservedMeasurement[]) {
  const last = found.length < limit ? undefined : found.at(-1)
  return {
    measurements: found.map(({ key, good, failed, ended, cut, paces, latencies }) => ({
      key,
      good,
      failed,
      ended,
      cut,
      availabilityBps: shareBps(good, good + failed),
      timed: timedOf(paces),
      msPerTokenP50: paceQuantile(paces, P50),
      msPerTokenP95: paceQuantile(paces, P95),
      firstToken: toLatency(latencies.first),
      answer: toLatency(latencies.total),
    })),
    next: last?.key ?? null,
  }
}

const toLatency = (latencies: Latencies) => ({
  observed: observedOf(latencies),
  msP50: latencyQuantile(latencies, P50),
  msP95: latencyQuantile(latencies, P95),
})

export const asked = ({
  from,
  to,
  group,
  limit,
  after,
}: z.output<typeof measurementQuery>): MeasurementQuery => ({
  from,
  to,
  group,
  limit,
  ...(after !== undefined && { after }),
})

export const creditState = z.enum(CREDIT_STATES)

/** What an organization sees; how the platform decided is the platform's. */
export const creditSchema = z.object({
  id: z.string(),
  provider: z.string(),
  month: z.string(),
  good: money,
  failed: money,
  slow: money,
  creditBps: z.number(),
  spend: money,
  amount: money,
  state: creditState,
  createdAt: z.number(),
  decidedAt: z.number().nullable(),
  note: z.string().nullable(),
})

export const creditPage = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  after: z.string().max(64).default(''),
  state: creditState.optional(),
})

export const windowSchema = z.object({
  id: z.string(),
  provider: z.string().nullable(),
  startsAt: z.number(),
  endsAt: z.number(),
  reason: z.string(),
  createdAt: z.number(),
  cancelledAt: z.number().nullable(),
})
