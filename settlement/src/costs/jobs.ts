import type { Job } from '../jobs/job.ts'
import { publishMarketCard } from './market-card.ts'
import { refreshCards } from './refresh-cards.ts'
import { publishShippedCards } from './shipped-cards.ts'

const MINUTE_MS = 60_000

export const COST_JOBS: readonly Job[] = [
  {
    name: 'rate-cards',
    purpose: 'publish the rate cards of the release and fetch those that have an address',
    schedule: { everyMs: MINUTE_MS },
    work: async (context, signal) => ({
      shipped: await publishShippedCards(context),
      ...(await refreshCards(context, signal)),
    }),
  },
  {
    name: 'market-rates',
    purpose: 'publish what tokens of each model cost on the market the day before',
    schedule: { cron: '23 1 * * *' },
    work: (context) => publishMarketCard(context),
  },
]
