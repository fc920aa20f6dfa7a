import type { SettlementContext } from '../context.ts'
import { jobFault } from '../jobs/job-fault.ts'
import type { CardFeed } from './feed-store.ts'
import { fetchCard } from './fetch-card.ts'
import { importCard } from './import-card.ts'

const HOUR_MS = 3_600_000
/** Providers change prices some times a year: four times a day is soon enough. */
const REFRESH_MS = 6 * HOUR_MS
const RETRY_MS = HOUR_MS
/** Without a success for so long, somebody is told. */
export const STALE_MS = 24 * HOUR_MS

export interface Refreshed {
  readonly tried: number
  readonly published: number
  readonly failed: number
  readonly stale: number
}

/** Fetches the cards whose time has come, and tells of those that have not come for a day. */
export async function refreshCards(
  context: SettlementContext,
  signal?: AbortSignal,
): Promise<Refreshed> {
  const { store, now } = context
  await store.setPlatformFeeds(context.rateCardFeeds ?? [], now())
  const due = (await store.rateCardFeeds()).filter((feed) => isDue(feed, now()))
  let [published, failed] = [0, 0]
  for (const feed of due) {
    if (signal?.aborted === true) break
    const outcome = await refresh(context, feed, signal)
    if (outcome === 'published') published++
    if (outcome === 'failed') failed++
  }
  const stale = await store.tellStaleFeeds(now() - STALE_MS, now())
  return { tried: due.length, published, failed, stale }
}

/** Whether nothing has come for so long that prices may have changed. */
export const isStale = ({ succeededAt, addedAt }: CardFeed, now: number): boolean =>
  (succeededAt ?? addedAt) <= now - STALE_MS

function isDue({ triedAt, fault }: CardFeed, now: number): boolean {
  return triedAt === null || now - triedAt >= (fault === null ? REFRESH_MS : RETRY_MS)
}

async function refresh(
  context: SettlementContext,
  feed: CardFeed,
  signal?: AbortSignal,
): Promise<'published' | 'unchanged' | 'failed'> {
  const { store, now } = context
  try {
    const fetched = await fetchCard({
      url: feed.url,
      allowLoopback: feed.organization === null,
      ...(feed.etag !== null && { etag: feed.etag }),
      ...(signal !== undefined && { signal }),
    })
    const outcome = fetched.unchanged
      ? 'unchanged'
      : (
          await importCard(context, {
            owner: feed.organization,
            card: feed.card,
            text: fetched.text,
            source: feed.url,
            actor: 'feed',
            ...(feed.provider !== null && { provider: feed.provider }),
          })
        ).outcome
    await store.recordFeedTry(feed, { etag: fetched.etag, fault: null, at: now() })
    return outcome === 'published' ? 'published' : 'unchanged'
  } catch (error) {
    const { code } = jobFault(error)
    await store.recordFeedTry(feed, { etag: feed.etag, fault: code, at: now() })
    return 'failed'
  }
}
