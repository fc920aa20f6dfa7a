import type { SettlementContext } from '../context.ts'
import { jobFault } from '../jobs/job-fault.ts'
import { PaymentsError, type PolledEvent } from '../stripe/index.ts'
import type { EventList } from './cursor-store.ts'
import { takeEvent } from './take-event.ts'

/** Stripe keeps events for 30 days: an empty cursor begins there, a day later for clocks that differ. */
const FIRST_LOOK_MS = 29 * 86_400_000
/** An event may be listed later than it is dated. */
const OVERLAP_MS = 10 * 60_000
/** Longer than a look takes: the longest is the first, over a month of events. */
const LEASE_MS = 15 * 60_000
/** Things that Stripe cannot answer for have several events each; after as many in a row Stripe itself is not there. */
const UNANSWERED_MAX = 5
/** Events that are looked up in the store together. */
const BATCH = 100

export interface PollResult {
  /** Events that no webhook had brought. */
  readonly taken: number
}

/**
 * Looks through Stripe's events and takes what webhooks missed: lost deliveries, a service that was down, a secret that
 * was wrong. Several processes may run it: one at a time looks, and an event has its effects once whoever takes it.
 *
 * @throws {PaymentsError} when Stripe cannot be asked; what was taken until then stays taken
 */
export async function pollStripeEvents(
  context: SettlementContext,
  signal?: AbortSignal,
): Promise<PollResult> {
  const { payments } = context
  const lists: readonly (readonly [EventList, (sinceMs: number) => AsyncIterable<PolledEvent>])[] =
    [
      ['v1', (sinceMs) => payments.events({ sinceMs })],
      ['v2', (sinceMs) => payments.accountEvents({ sinceMs })],
    ]
  let taken = 0
  const faults: unknown[] = []
  for (const [list, events] of lists) {
    try {
      taken += await poll(context, list, events, signal)
    } catch (error) {
      // What is wrong with one list is not the other's fault.
      faults.push(error)
    }
  }
  if (faults.length > 0) throw faults[0]
  return { taken }
}

async function poll(
  context: SettlementContext,
  list: EventList,
  events: (sinceMs: number) => AsyncIterable<PolledEvent>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { store, now } = context
  const at = now()
  const from = at - FIRST_LOOK_MS
  const cursor = await store.leaseCursor(list, { from, until: at + LEASE_MS, at })
  if (cursor === undefined) return 0
  const look: Look = { seenUntil: cursor.seenUntil, taken: 0, failure: null, unanswered: 0 }
  try {
    const sinceMs = Math.max(from, cursor.seenUntil - OVERLAP_MS)
    for await (const batch of inBatches(events(sinceMs))) {
      await takeUnknown(context, batch, look)
      if (signal?.aborted === true) break
    }
  } catch (error) {
    look.failure ??= jobFault(error).code
    throw error
  } finally {
    await store.moveCursor(list, { ...look, at: now() })
  }
  return look.taken
}

interface Look {
  seenUntil: number
  taken: number
  /** Of the first event that could not be taken: the cursor stays before it, and the ones after it are taken. */
  failure: string | null
  /** Events in a row for which Stripe had no answer. */
  unanswered: number
}

/** In the order in which they happened. */
async function takeUnknown(
  context: SettlementContext,
  batch: readonly PolledEvent[],
  look: Look,
): Promise<void> {
  const known = new Set(await context.store.knownEvents(batch.map(({ event }) => event.id)))
  for (const { event, rawBody } of batch) {
    try {
      if (!known.has(event.id) && (await takeEvent(context, event, rawBody))) look.taken++
      look.unanswered = 0
    } catch (error) {
      look.failure ??= jobFault(error).code
      look.unanswered = error instanceof PaymentsError && error.retryable ? look.unanswered + 1 : 0
      // Without Stripe the next event has no better chance.
      if (look.unanswered === UNANSWERED_MAX) throw error
    }
    if (look.failure === null) look.seenUntil = Math.max(look.seenUntil, event.createdMs)
  }
}

async function* inBatches(events: AsyncIterable<PolledEvent>): AsyncIterable<PolledEvent[]> {
  let batch: PolledEvent[] = []
  for await (const event of events) {
    batch.push(event)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
