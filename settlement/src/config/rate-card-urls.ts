import { cardName } from '../costs/card-format.ts'
import type { PlatformFeed } from '../costs/feed-store.ts'
import { pairList } from './pair-list.ts'

/** Providers that anybody compares with, several times over. */
const FEEDS_MAX = 64

/** `card=address`, or `card:provider=address` for one provider of LiteLLM's list; with commas between them or as a list. */
export const rateCardUrlsSetting = pairList(readFeed, '<card>=<address>', FEEDS_MAX).refine(
  (feeds) => new Set(feeds.map(({ card }) => card)).size === feeds.length,
  {
    error: 'a card has one address',
  },
)

function readFeed(text: string): PlatformFeed | undefined {
  const equals = text.indexOf('=')
  const [card = '', provider] = text.slice(0, Math.max(equals, 0)).split(':')
  const url = URL.parse(text.slice(equals + 1))
  if (!cardName.safeParse(card).success || url === null || provider === '') return undefined
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined
  return { card, url: url.href, provider: provider ?? null }
}
