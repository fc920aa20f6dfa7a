import type { Config, Secrets } from '../config/config.ts'
import { DAYS } from '../demo/recipe.ts'
import { seedDemo } from '../demo/seed-demo.ts'
import { SettlementError } from '../errors.ts'
import { openSettlement } from '../settlement.ts'
import { print } from './operator-call.ts'
import { settlementOptions } from './serve.ts'

/** The days that the demo lives, and one more. */
const LIFE_MS = (DAYS + 1) * 86_400_000

/**
 * Fills this data directory with the demo organization, and prints how to get in.
 *
 * @throws {SettlementError} HANSE_CONFIG_INVALID where Stripe is connected, or somebody is there already
 */
export async function seedDemoHere(
  config: Config,
  secrets: Secrets,
  isForced: boolean,
): Promise<void> {
  // Not even with --force: nothing of a demo may reach an account of Stripe.
  if (secrets.stripeSecretKey !== undefined || config.stripeUrl !== undefined) {
    throw new SettlementError(
      'HANSE_CONFIG_INVALID',
      'a demo is not made where Stripe is connected',
    )
  }
  // The log begins before what it tells of: its key counts from then on.
  const clock = { now: Date.now() - LIFE_MS }
  await using settlement = await openSettlement({
    ...settlementOptions(config, secrets),
    host: '127.0.0.1',
    port: 0,
    verifyThreads: 0,
    now: () => clock.now,
  })
  clock.now = Date.now()
  print(await seedDemo(settlement, clock, { isForced }))
}
