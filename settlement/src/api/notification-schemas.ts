import { z } from 'zod'
import { CHANNEL_KINDS, HOURLY_DEFAULT, HOURLY_MAX } from '../notifications/channel.ts'
import { DELIVERY_STATES } from '../notifications/delivery-store.ts'
import { SEVERITIES } from '../notifications/event.ts'
import { EVENT_KIND_NAMES } from '../notifications/event-kinds.ts'
import { isTimeZone } from '../notifications/local-time.ts'
import { PACES } from '../notifications/subscription.ts'
import { money } from './schemas.ts'

const PAGE_MAX = 200
/** A week: what is older is news again. */
const REPEAT_MINUTES_MAX = 7 * 24 * 60

const kind = z.enum(EVENT_KIND_NAMES)
const severity = z.enum(SEVERITIES)
const id = z.string().regex(/^[a-z]{2,3}_[\w-]{1,64}$/u, { error: 'not an id' })
const name = z
  .string()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}+$/u, { error: 'has control characters' })
const hourlyMax = z.int().min(1).max(HOURLY_MAX)

/** `HH:MM` by the clock on the wall; minutes after midnight inside. */
const wallTime = z.codec(
  z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/u, { error: 'not HH:MM' }),
  z.number(),
  {
    decode: (text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)),
    encode: (minute) =>
      [Math.floor(minute / 60), minute % 60].map((n) => String(n).padStart(2, '0')).join(':'),
  },
)

export const idParams = z.object({ id })

export const newChannelBody = z.strictObject({
  kind: z.enum(CHANNEL_KINDS),
  name,
  address: z.string().min(1).max(2_048),
  hourlyMax: hourlyMax.default(HOURLY_DEFAULT),
})
export const changeChannelBody = z.strictObject({
  name: name.optional(),
  hourlyMax: hourlyMax.optional(),
  /** Off by its owner's wish, or on again. */
  isActive: z.boolean().optional(),
})

export const channelSchema = z.object({
  id: z.string(),
  kind: z.enum(CHANNEL_KINDS),
  name: z.string(),
  hint: z.string(),
  state: z.enum(['unconfirmed', 'active', 'disabled']),
  reason: z.string().nullable(),
  failures: z.number(),
  hourlyMax: z.number(),
  createdBy: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
})
export const withSecretSchema = channelSchema.extend({ secret: z.string().nullable() })

const terms = {
  kinds: z.array(kind).max(EVENT_KIND_NAMES.length).default([]),
  severity: severity.default('info'),
  pace: z.enum(PACES).default('immediately'),
  timeZone: z
    .string()
    .max(64)
    .refine(isTimeZone, { error: 'not a time zone of IANA' })
    .default('UTC'),
  dailyAt: wallTime.default(9 * 60),
  quiet: z.strictObject({ from: wallTime, until: wallTime }).nullable().default(null),
  urgentOverrides: z.boolean().default(true),
  repeatMinutes: z.int().min(0).max(REPEAT_MINUTES_MAX).default(60),
}
export const newSubscriptionBody = z.strictObject({ channel: id, ...terms })
export const subscriptionBody = z.strictObject(terms)
export const subscriptionSchema = z.object({
  id: z.string(),
  channel: z.string(),
  kinds: z.array(kind),
  severity,
  pace: z.enum(PACES),
  timeZone: z.string(),
  dailyAt: wallTime,
  quiet: z.object({ from: wallTime, until: wallTime }).nullable(),
  urgentOverrides: z.boolean(),
  repeatMinutes: z.number(),
  createdAt: z.number(),
})

const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(50)
export const eventsQuery = z.strictObject({
  limit,
  after: z
    .string()
    .regex(/^\d{1,18}$/u)
    .transform(BigInt)
    .optional(),
  kind: kind.optional(),
})
export const eventsSchema = z.object({
  events: z.array(
    z.object({
      id: money,
      kind,
      severity,
      subject: z.string(),
      title: z.string(),
      facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      at: z.number(),
    }),
  ),
  next: z.string().nullable(),
})

export const deliveriesQuery = z.strictObject({
  limit,
  after: id.optional(),
  state: z.enum(DELIVERY_STATES).optional(),
  channel: id.optional(),
})
export const deliveriesSchema = z.object({
  deliveries: z.array(
    z.object({
      id: z.string(),
      channel: z.string(),
      state: z.enum(DELIVERY_STATES),
      digest: z.boolean(),
      attempts: z.number(),
      dueAt: z.number(),
      createdAt: z.number(),
      endedAt: z.number().nullable(),
      failure: z.string().nullable(),
      status: z.number().nullable(),
      events: z.array(money),
    }),
  ),
  next: z.string().nullable(),
})
export const whichBody = z.strictObject({ id: id.optional(), channel: id.optional() })

export const testSchema = z.object({
  channel: z.string(),
  name: z.string(),
  delivered: z.boolean(),
  status: z.number().nullable(),
  failure: z.string().nullable(),
})
