import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { loadSecret } from '../secrets.ts'
import { startStripeDouble } from '../stripe/index.ts'
import { untilStopped } from './until-stopped.ts'

/**
 * Runs the Stripe sandbox double by itself, with its state in the data directory; its events go to the service at
 * `public-url`, signed with the webhook secret that this directory shares with it.
 */
export async function stripeDouble(config: Config): Promise<void> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  await using double = await startStripeDouble({
    host: config.host,
    port: config.stripeDoublePort,
    now: Date.now,
    webhooks:
      config.publicUrl === undefined
        ? []
        : [
            {
              url: `${config.publicUrl.replace(/\/$/u, '')}/v1/stripe/webhook`,
              secret: loadSecret(config.dataDir, 'webhook.secret'),
            },
          ],
    statePath: join(config.dataDir, 'stripe-double.json'),
  })
  process.stdout.write(`${JSON.stringify({ event: 'ready', stripeUrl: double.url })}\n`)
  await untilStopped()
}
