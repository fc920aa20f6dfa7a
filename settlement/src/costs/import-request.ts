import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { cardName } from './card-format.ts'
import type { CardOwner } from './card-store.ts'
import { fetchCard } from './fetch-card.ts'
import { type ImportResult, importCard } from './import-card.ts'
import { CARD_BYTES_MAX } from './parse-card.ts'

const URL_CHARS_MAX = 2_048

/** A card to import: as a text, or where it is. */
export const importSchema = z
  .strictObject({
    content: z
      .string()
      .max(CARD_BYTES_MAX)
      .optional()
      .describe('the file as a text, so that its numbers keep their digits'),
    url: z.string().max(URL_CHARS_MAX).optional().describe('an https address on the internet'),
    card: cardName.optional().describe('its name, where the file does not say or shall not'),
    provider: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('of LiteLLM’s list, only models with this litellm_provider'),
    effectiveFrom: z.iso.date().optional(),
    schedule: z.boolean().default(false).describe('fetch it from `url` again and again'),
  })
  .refine(({ content, url }) => (content === undefined) !== (url === undefined), {
    error: 'send either `content` or `url`',
  })
  .refine(({ schedule, url }) => !schedule || url !== undefined, {
    error: 'only a `url` can be fetched again',
  })
export type ImportRequest = z.output<typeof importSchema>

export interface ImportOptions {
  readonly owner: CardOwner
  readonly actor: string
  readonly dryRun: boolean
  readonly accept: boolean
}

/** @throws {SettlementError} as `fetchCard` and `importCard` do */
export async function importRequested(
  context: Pick<SettlementContext, 'store' | 'now'>,
  { content, url, schedule, card, provider, effectiveFrom }: ImportRequest,
  options: ImportOptions,
): Promise<ImportResult> {
  const text = content ?? (await textAt(url ?? '', options.owner))
  const result = await importCard(context, {
    ...options,
    text,
    source: url ?? 'a file',
    ...(card !== undefined && { card }),
    ...(provider !== undefined && { provider }),
    ...(effectiveFrom !== undefined && { effectiveFrom }),
  })
  if (schedule && !options.dryRun && url !== undefined && options.owner !== null) {
    const feed = { card: result.card, url, provider: provider ?? null }
    await context.store.putRateCardFeed(options.owner, feed, context.now())
  }
  return result
}

/** Only operators have anything to fetch on this machine. */
async function textAt(url: string, owner: CardOwner): Promise<string> {
  const fetched = await fetchCard({ url, allowLoopback: owner === null })
  return fetched.unchanged ? '' : fetched.text
}
