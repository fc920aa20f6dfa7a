import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { type RateCard, rateCardSchema } from './card-format.ts'
import type { CardOwner } from './card-store.ts'
import { type CardDiff, diffCards, isSame } from './diff-cards.ts'
import { type CardSource, parseCard } from './parse-card.ts'

export interface CardImport extends Omit<CardSource, 'today'> {
  readonly owner: CardOwner
  readonly text: string
  /** Who does it. */
  readonly actor: string
  /** Only say what it would change. */
  readonly dryRun?: boolean
  /** Take it although changes are suspicious. */
  readonly accept?: boolean
}

export interface ImportResult {
  readonly outcome: 'dry-run' | 'unchanged' | 'published'
  readonly card: string
  /** The newest version, which is the new one after `published`; 0 when there is none. */
  readonly version: number
  /** Id of that version. */
  readonly id: bigint | null
  readonly diff: CardDiff
  readonly leftOut: readonly string[]
  readonly ignored: readonly string[]
}

/** Of those who publish at once each loses at most once to each of the others. */
const TRIES_MAX = 5

/**
 * Publishes a new version of a card, when it says anything new. What was published stays.
 *
 * @throws {SettlementError} HANSE_RATE_CARD_INVALID, HANSE_RATE_CARD_SUSPICIOUS
 */
export async function importCard(
  context: Pick<SettlementContext, 'store' | 'now'>,
  request: CardImport,
): Promise<ImportResult> {
  const today = new Date(context.now()).toISOString().slice(0, 10)
  const { card, leftOut, ignored } = parseCard(request.text, { ...request, today })
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const result = await publish(context, request, card)
    if (result !== undefined) return { ...result, card: card.card, leftOut, ignored }
  }
  throw new SettlementError('HANSE_RATE_CARD_UNREACHABLE', 'others publish this card all the time')
}

/** @returns `undefined` when another version came first */
async function publish(
  { store, now }: Pick<SettlementContext, 'store' | 'now'>,
  { owner, actor, dryRun = false, accept = false }: CardImport,
  card: RateCard,
): Promise<Omit<ImportResult, 'card' | 'leftOut' | 'ignored'> | undefined> {
  const newest = await store.newestRateCard(owner, card.card)
  const current = newest && readCard(newest.content)
  const diff = diffCards(current, card)
  const known = { version: newest?.version ?? 0, id: newest?.id ?? null, diff }
  if (current !== undefined && isSame(diff) && isNoEarlier(current, card)) {
    return { outcome: 'unchanged', ...known }
  }
  if (dryRun) return { outcome: 'dry-run', ...known }
  if (diff.suspicious.length > 0 && !accept) throw suspicious(diff)
  const version = known.version + 1
  const { publisher, currency, effectiveFrom, effectiveTo, retrieved, verified, source } = card
  const id = await store.publishRateCard({
    organization: owner,
    card: card.card,
    version,
    publisher,
    currency,
    effectiveFrom,
    effectiveTo,
    retrieved,
    verified,
    source,
    models: Object.keys(card.models).length,
    content: JSON.stringify(card),
    publishedBy: actor,
    publishedAt: now(),
  })
  return id === undefined ? undefined : { outcome: 'published', version, id, diff }
}

/** A card as it was stored. */
export const readCard = (content: string): RateCard => rateCardSchema.parse(JSON.parse(content))

/** The same prices from a later day on are in force already. */
const isNoEarlier = (current: RateCard, card: RateCard): boolean =>
  current.effectiveTo === card.effectiveTo && current.effectiveFrom <= card.effectiveFrom

function suspicious({ suspicious: reasons }: CardDiff): SettlementError {
  const [first = ''] = reasons
  const more = reasons.length > 1 ? `, and ${reasons.length - 1} more` : ''
  return new SettlementError('HANSE_RATE_CARD_SUSPICIOUS', `${first}${more}`)
}
