import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { dayOf } from '../costs/card-resolver.ts'
import { PUBLIC_MODELS_MAX, type PublicCard, publicCards } from '../costs/public-cards.ts'
import type { App } from './app.ts'
import { decimalText } from './decimal-schemas.ts'

/** Cards change every few weeks; somebody who has just imported one waits that long at the most. */
const CURRENT_MS = 5 * 60_000
/** A page asks once; caches between ask once for all its readers. */
const rateLimit = { max: 300, timeWindow: 60_000 }

const schema = z.object({
  day: z.string().describe('of UTC, on which these are in force'),
  rateCards: z.array(
    z.object({
      card: z.string(),
      publisher: z.string(),
      currency: z.string(),
      version: z.number(),
      effectiveFrom: z.string(),
      retrieved: z.string().describe('when somebody looked'),
      source: z.string(),
      verified: z.boolean().describe('whether somebody compared it with what the publisher says'),
      models: z.array(
        z.object({
          model: z.string(),
          input: decimalText.describe('for a million tokens, in the card’s currency'),
          output: decimalText,
          hasPromptTiers: z.boolean().describe('long prompts cost more than this'),
        }),
      ),
    }),
  ),
})

/** What models cost elsewhere, for who is not signed in. */
export function publicRateCardRoutes(app: App, { store, now }: SettlementContext): void {
  let known: { readonly day: string; readonly at: number; readonly cards: PublicCard[] } | undefined

  app.get(
    '/v1/rate-cards/current',
    {
      config: { access: 'public', rateLimit },
      schema: {
        description: `The platform’s rate cards that are in force today, with the models that have one price for input and one for output: ${PUBLIC_MODELS_MAX} of a card at the most. What is not verified says so. Live offers of this market are not among them.`,
        response: { 200: schema },
      },
    },
    async (_request, reply) => {
      const at = now()
      const day = dayOf(at)
      const isOld = known === undefined || known.day !== day || at - known.at >= CURRENT_MS
      if (known === undefined || isOld || known.cards.length === 0)
        known = { day, at, cards: await publicCards(store, day) }
      // A service that has just started has none yet, and soon will.
      const isEmpty = known.cards.length === 0
      reply.header('cache-control', isEmpty ? 'no-store' : `public, max-age=${CURRENT_MS / 1000}`)
      return { day, rateCards: known.cards.map((card) => ({ ...card, models: [...card.models] })) }
    },
  )
}
