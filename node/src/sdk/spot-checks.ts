import type { Consumer } from '../consumer/consumer.ts'
import type { Account } from '../consumer/request.ts'
import { fractions } from '../consumer/routing/fractions.ts'
import { type FoundCheck, SpotChecker } from '../consumer/spot-check/spot-checker.ts'
import { DOUBTS } from '../consumer/spot-check/verdict.ts'
import type { ConsumerParts } from './consumer-parts.ts'

export interface SpotChecksOptions {
  readonly consumer: Consumer
  /** What checks are paid from. */
  readonly account: Account
  readonly onFound: (found: FoundCheck) => void
}

/** Checks answers by those of others, as the options say; what comes out counts in the choice of providers. */
export function openSpotChecks(
  { options, signer, store, now, random, onSpotCheck }: ConsumerParts,
  { consumer, account, onFound }: SpotChecksOptions,
): SpotChecker {
  return new SpotChecker({
    networkName: options.networkName,
    signer,
    store,
    settings: options.spotChecks,
    consumer,
    account: () => account,
    onFound: (found) => {
      onSpotCheck?.(found)
      onFound(found)
    },
    onStanding: (provider, model, standing) => consumer.compared(provider, model, DOUBTS[standing]),
    now,
    chance: fractions(random),
  })
}
