import type { SettlementContext } from '../context.ts'
import type { ClaimedDelivery, Outcome } from './delivery-store.ts'
import type { Outpost } from './post.ts'
import { retryDelayMs } from './retry.ts'
import { type Sent, send } from './send.ts'

export interface Delivered {
  delivered: number
  waiting: number
  dead: number
}

export interface DeliverOptions {
  readonly random?: () => number
  readonly outpost: Outpost
  readonly signal?: AbortSignal
}

/** Longer than any try takes: who has not said what became of it by then has died. */
export const LEASE_MS = 120_000
/** Connections at once, of all owners. */
const AT_ONCE = 64
const EVENTS_AT_ONCE = 500

/**
 * Turns events into messages, and sends what is due. Any number of processes may do so on one database. A message is sent at
 * least once, under one id: who dies between sending and saying so leaves it to be sent again.
 */
export async function notify(
  context: SettlementContext,
  options: DeliverOptions,
): Promise<Delivered> {
  const { store, now } = context
  const { signal } = options
  while (signal?.aborted !== true) {
    const { events } = await store.dispatchEvents(now(), EVENTS_AT_ONCE)
    if (events < EVENTS_AT_ONCE) break
  }
  return await deliverDue(context, options)
}

/** A place that is free is taken by the next message at once: a slow receiver holds up none but itself. */
async function deliverDue(context: SettlementContext, options: DeliverOptions): Promise<Delivered> {
  const { store, now } = context
  const sum: Delivered = { delivered: 0, waiting: 0, dead: 0 }
  const running = new Set<Promise<void>>()
  const faults: unknown[] = []
  for (;;) {
    const isOver = options.signal?.aborted === true || faults.length > 0
    const limit = isOver ? 0 : AT_ONCE - running.size
    const claimed =
      limit === 0 ? [] : await store.claimDeliveries({ at: now(), leaseMs: LEASE_MS, limit })
    for (const delivery of claimed) {
      const work = deliverOne(context, options, delivery)
        .then((state) => void sum[state]++)
        .catch((error: unknown) => void faults.push(error))
        .finally(() => running.delete(work))
      running.add(work)
    }
    if (running.size === 0) break
    if (claimed.length === 0 || running.size === AT_ONCE) await Promise.race(running)
  }
  if (faults.length > 0) throw faults[0]
  return sum
}

async function deliverOne(
  context: SettlementContext,
  { outpost, random = Math.random }: DeliverOptions,
  delivery: ClaimedDelivery,
): Promise<Outcome['state']> {
  const sent = await send(context, outpost, delivery)
  const outcome = outcomeOf(sent, delivery.attempt, random(), context.now())
  await context.store.endAttempt(delivery.id, delivery.attempt, outcome, context.now())
  return outcome.state
}

/** What a try that came to this means for the message. */
export function outcomeOf(sent: Sent, attempt: number, random: number, now: number): Outcome {
  if (sent.kind === 'delivered') return { state: 'delivered', status: sent.status }
  const { failure, status, again, retryAfterMs } = sent
  if (again === 'gone') return { state: 'dead', failure, status, isGone: true }
  const delay = again === 'never' ? undefined : retryDelayMs(attempt, random, retryAfterMs)
  return delay === undefined
    ? { state: 'dead', failure, status }
    : { state: 'waiting', failure, status, dueAt: now + delay }
}
