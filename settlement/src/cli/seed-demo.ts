import type { Config, Secrets } from '../config/config.ts'
import { seedDemo } from '../demo/seed-demo.ts'
import { SettlementError } from '../errors.ts'
import { openSettlement } from '../settlement.ts'
import { print } from './operator-call.ts'
import { settlementOptions } from './serve.ts'

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
  const clock = { now: Date.now() }
  await using settlement = await openSettlement({
    ...settlementOptions(config, secrets),
    host: '127.0.0.1',
    port: 0,
    verifyThreads: 0,
    now: () => clock.now,
  })
  print(await seedDemo(settlement, clock, { isForced }))
}
