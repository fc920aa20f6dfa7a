import { picoEuro } from '@hanse/protocol'
import { z } from 'zod'
import type { ProviderStatus } from '../provider/status.ts'

/** Longer text is cut before it is sent; an engine's message of a page helps nobody. */
export const TEXT_MAX = 2_000
/** A provider has 1024 slots for each model at most; a status tells of so many of its sessions. */
export const SESSIONS_MAX = 1_000
/** More models, GPUs, engines, addresses, codes than a machine has. */
const ITEMS_MAX = 1_000

const text = z.string().max(TEXT_MAX)
const number = z.number()
const count = z.number().int().nonnegative()
const measured = number.nullable()
const amount = z
  .string()
  .regex(/^-?\d{1,40}$/u)
  .transform((digits) => picoEuro(BigInt(digits)))
const counts = z
  .record(text, count)
  .refine((record) => Object.keys(record).length <= ITEMS_MAX, 'too many codes')
const items = <Item extends z.ZodType>(item: Item) => z.array(item).max(ITEMS_MAX)
/** JSON has no `undefined`: it travels as null. */
export const maybe = <Value extends z.ZodType>(value: Value) =>
  value.nullable().transform((given) => given ?? undefined)

const model = z.object({
  id: text,
  engine: text,
  engineModel: text,
  slots: count,
  busy: count,
  queued: count,
  inputPrice: amount,
  outputPrice: amount,
  tokensPerSecond: measured,
  state: z.enum(['loaded', 'loading', 'unloaded', 'failed', 'unknown']),
})

const gpu = z.object({
  id: text,
  vendor: z.enum(['nvidia', 'amd', 'apple', 'intel', 'other']),
  name: text,
  vramBytes: number,
  driver: text.nullable(),
})

const reading = z.object({
  id: text,
  utilization: measured,
  temperatureCelsius: measured,
  vramUsedBytes: measured,
  powerWatts: measured,
  processes: items(z.object({ pid: count, vramBytes: measured })),
})

const session = z.object({
  session: text,
  consumer: text,
  model: text,
  startedAt: number,
  phase: z.enum(['queued', 'streaming']),
  outputTokens: count,
})

const totals = z.object({
  sessions: count,
  completed: count,
  rejected: counts,
  failed: counts,
  inputTokens: count,
  outputTokens: count,
  earned: amount,
  tokensPerSecond: number,
})

const settlement = z.object({
  url: text,
  reachable: z.boolean(),
  payable: maybe(z.boolean()),
  onboardingUrl: maybe(text),
  unsettled: count,
  refused: counts,
  message: text,
  // A daemon of an earlier release says nothing of it.
  revocations: maybe(z.object({ known: count, at: number, fault: text })).optional(),
})

/** A provider's status as it travels: amounts as digits, `undefined` as null. */
export const statusSchema = z.object({
  peerId: text,
  network: text,
  country: text,
  version: text,
  now: number,
  startedAt: number,
  state: z.enum(['serving', 'paused', 'draining']),
  pausedBy: items(text),
  addresses: items(text),
  connections: count,
  reachability: z.enum(['direct', 'relayed', 'unreachable', 'unknown']),
  live: maybe(z.object({ cid: text, at: number, peersTold: count })),
  evidenceLevel: number,
  evidenceUntil: number,
  models: items(model),
  engines: items(z.object({ name: text, ready: z.boolean(), message: text })),
  machine: z.object({ gpus: items(gpu), memoryBytes: number, cpu: text, cores: number }),
  gpus: items(reading),
  sessions: z.array(session).max(SESSIONS_MAX),
  totals,
  settlement: maybe(settlement),
}) satisfies z.ZodType<ProviderStatus>
