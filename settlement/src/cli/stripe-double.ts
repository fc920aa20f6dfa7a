import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { startStripeDouble } from '../stripe/index.ts'
import { untilStopped } from './until-stopped.ts'

/** Runs the Stripe sandbox double by itself, with its state in the data directory. */
export async function stripeDouble(config: Config): Promise<void> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  await using double = await startStripeDouble({
    host: config.host,
    port: config.stripeDoublePort,
    now: Date.now,
    statePath: join(config.dataDir, 'stripe-double.json'),
  })
  process.stdout.write(`${JSON.stringify({ event: 'ready', stripeUrl: double.url })}\n`)
  await untilStopped()
}
