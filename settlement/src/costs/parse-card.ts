import { z } from 'zod'
import { SettlementError } from '../errors.ts'
import { type RateCard, rateCardSchema } from './card-format.ts'
import { parseExactJson } from './exact-json.ts'
import { fromLitellm, isLitellm } from './litellm.ts'

/** LiteLLM's list is 1.5 MB. */
export const CARD_BYTES_MAX = 8 * 1024 * 1024

export interface CardSource {
  /** What the card shall be called; needed where the file does not say. */
  readonly card?: string
  /** Of LiteLLM's list, only the models of this provider. */
  readonly provider?: string
  /** Where the file is from. */
  readonly source: string
  /** Today, such as `2026-11-02`; a list without dates is in force from then on. */
  readonly today: string
  readonly effectiveFrom?: string
}

export interface ParsedCard {
  readonly card: RateCard
  readonly leftOut: readonly string[]
  readonly ignored: readonly string[]
}

/**
 * Reads a card of ours, or LiteLLM's list.
 *
 * @throws {SettlementError} HANSE_RATE_CARD_INVALID that names the first thing that is wrong
 */
export function parseCard(text: string, source: CardSource): ParsedCard {
  if (text.length > CARD_BYTES_MAX) throw invalid('the file is too large')
  const value = read(text)
  if (isLitellm(value)) return litellmCard(value, source)
  const card = check(value)
  const changed = {
    ...card,
    ...(source.card !== undefined && { card: source.card }),
    ...(source.effectiveFrom !== undefined && { effectiveFrom: source.effectiveFrom }),
  }
  return { card: check(changed), leftOut: [], ignored: [] }
}

function litellmCard(value: unknown, source: CardSource): ParsedCard {
  const { card, provider, today, effectiveFrom = today } = source
  if (card === undefined) throw invalid('a list of LiteLLM’s needs a name for the card')
  const { models, leftOut, ignored } = fromLitellm(value, provider)
  if (Object.keys(models).length === 0) throw invalid('no model of it has a price')
  const parsed = check({
    format: 'hanse-rate-card/1',
    card,
    publisher: provider ?? 'LiteLLM',
    currency: 'USD',
    effectiveFrom,
    source: source.source,
    retrieved: today,
    verified: false,
    note: 'Out of LiteLLM’s list of model prices.',
    models,
  })
  return { card: parsed, leftOut, ignored }
}

function read(text: string): unknown {
  try {
    return parseExactJson(text)
  } catch (cause) {
    throw new SettlementError('HANSE_RATE_CARD_INVALID', 'the file is not JSON', { cause })
  }
}

function check(value: unknown): RateCard {
  const parsed = rateCardSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const at = issue === undefined ? '' : z.core.toDotPath(issue.path)
  throw invalid(`${at}${at === '' ? '' : ': '}${issue?.message ?? 'not a rate card'}`)
}

const invalid = (message: string) => new SettlementError('HANSE_RATE_CARD_INVALID', message)
