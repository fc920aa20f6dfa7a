import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { nextPayoutRun } from '../payouts/payout-schedule.ts'
import type { App } from './app.ts'
import { money } from './schemas.ts'

const schema = z.object({
  currency: z.literal('EUR'),
  /** Of new provider contracts, basis points of what consumers pay. */
  feeBps: z.number(),
  payoutMinimumCents: money,
  /** When the next daily payout run begins. */
  nextPayoutRunAt: z.number(),
  payoutCountries: z.array(z.string()),
  /** How long after its authorization ended a hold waits for receipts: paid sessions are settled until then. */
  holdGraceMs: z.number(),
  /** How long after its acceptance ended a session’s receipts are settled, while its hold is there. */
  receiptGraceMs: z.number(),
  holdBack: z.object({
    freeCents: money,
    stages: z.array(
      z.object({
        untilDays: z.number(),
        untilCents: money,
        shareBps: z.number(),
        days: z.number(),
      }),
    ),
  }),
})

/** What everybody may know before they take part. */
export function termsRoutes(app: App, { terms, now }: SettlementContext): void {
  app.get(
    '/v1/terms',
    {
      config: { access: 'public' },
      schema: {
        description:
          'The platform’s fee, where providers can be paid, and what of a newcomer’s earnings waits: the first stage whose `untilDays` (since the first earnings) or `untilCents` (ever earned) is not yet reached decides.',
        response: { 200: schema },
      },
    },
    () => ({
      currency: 'EUR' as const,
      feeBps: terms.feeBps,
      payoutMinimumCents: terms.payoutMinimumCents,
      nextPayoutRunAt: nextPayoutRun(now()),
      payoutCountries: [...terms.payoutCountries],
      holdGraceMs: terms.holdGraceMs,
      receiptGraceMs: terms.receiptGraceMs,
      holdBack: { ...terms.holdBack, stages: [...terms.holdBack.stages] },
    }),
  )
}
