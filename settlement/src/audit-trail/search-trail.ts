import type { SettlementStore } from '../db/store.ts'
import type { TrailEvent, Viewer } from './trail-event.ts'
import { fits, type TrailFilter } from './trail-filter.ts'

export interface TrailSearch extends TrailFilter {
  readonly viewer: Viewer
  /** Milliseconds since 1970. */
  readonly from: number
  /** Not included. */
  readonly to: number
  /** Older than this one. */
  readonly before?: bigint
  readonly limit: number
}

export interface TrailPage {
  /** Newest first. */
  readonly events: readonly TrailEvent[]
  /** Where to go on; null at the end. A page may have fewer events than its limit, or none, and still not be the last. */
  readonly next: bigint | null
  /** How many events were opened for it. */
  readonly scanned: number
}

/** Events of one read: some hundred kilobytes. */
const READ = 500
/** Opening one takes some twenty microseconds: a request takes a tenth of a second at the most. */
const SCANNED_MAX = 5_000

/**
 * Looks through a trail. What events say is sealed, and nothing is kept that would find it without the key: so they are
 * opened one after the other, and forgotten again. See ADR 0033.
 */
export async function searchTrail(
  store: Pick<SettlementStore, 'trailEvents'>,
  { limit, before, ...search }: TrailSearch,
): Promise<TrailPage> {
  const events: TrailEvent[] = []
  const { viewer, from, to, kinds } = search
  let scanned = 0
  let last = before
  while (scanned < SCANNED_MAX) {
    const read = await store.trailEvents({
      viewer,
      from,
      to,
      limit: READ,
      ...(kinds !== undefined && { kinds }),
      ...(last !== undefined && { before: last }),
    })
    for (const event of read) {
      scanned++
      last = event.id
      if (fits(event, search)) events.push(event)
      if (events.length === limit) return { events, next: last, scanned }
    }
    if (read.length < READ) return { events, next: null, scanned }
  }
  return { events, next: last ?? null, scanned }
}
