import { pino } from 'pino'
import type { Config, Secrets } from '../config/config.ts'
import { smtpSetting } from '../config/mail.ts'
import { SettlementError } from '../errors.ts'
import { openLogger } from '../logging/open-logger.ts'
import { openSettlement, type SettlementOptions } from '../settlement.ts'
import { untilStopped } from './until-stopped.ts'

const HOUR_MS = 3_600_000
const MIB = 1024 * 1024

/** Runs the service until it is told to stop. */
export async function serve(config: Config, secrets: Secrets): Promise<void> {
  const logger = openLogger(config.logLevel, pino.destination(2))
  await using settlement = await openSettlement({ ...settlementOptions(config, secrets), logger })
  const { url, peerId, stripeDouble } = settlement
  process.stdout.write(
    `${JSON.stringify({
      event: 'ready',
      url,
      peerId,
      network: config.network,
      stripe: stripeDouble === undefined && config.stripeUrl === undefined ? 'stripe' : 'double',
      stripeUrl: stripeDouble?.url ?? config.stripeUrl ?? 'https://api.stripe.com',
    })}\n`,
  )
  await untilStopped()
}

export function settlementOptions(config: Config, secrets: Secrets): SettlementOptions {
  const { stripeSecretKey, stripeWebhookSecret, databaseUrl, operatorToken, metricsToken } = secrets
  if (stripeSecretKey !== undefined && stripeWebhookSecret === undefined) {
    throw new SettlementError(
      'HANSE_CONFIG_INVALID',
      'STRIPE_WEBHOOK_SECRET is needed with STRIPE_SECRET_KEY',
    )
  }
  const smtp = smtpSetting(config, secrets)
  return {
    dataDir: config.dataDir,
    network: config.network,
    host: config.host,
    port: config.port,
    stripeDoublePort: config.stripeDoublePort,
    terms: {
      feeBps: config.feeBps,
      payoutMinimumCents: config.payoutMinimumCents,
      payoutApprovalCents: config.payoutApprovalCents ?? null,
      payoutCountries: config.payoutCountries,
      holdBack: { freeCents: config.holdBackFreeCents, stages: config.holdBackStages },
      holdGraceMs: config.holdGraceHours * HOUR_MS,
      trialCreditCents: config.trialCreditCents,
      closeMonths: config.closeMonths,
    },
    witnesses: config.witnesses,
    landmarks: config.landmarks,
    rateCardFeeds: config.rateCardUrls,
    privateNetworks: config.privateNetworks,
    euAudit: config.euAudit,
    retention: config.retention,
    traderGraceMs: config.traderGraceDays * 24 * HOUR_MS,
    ...(config.dataProtection !== undefined && { dataProtection: config.dataProtection }),
    ...(smtp !== undefined && { smtp }),
    shutdownDelayMs: config.shutdownDelayMs,
    pressure: {
      requests: config.requestsMax,
      eventLoopMs: config.eventLoopMs,
      ...(config.heapMb !== undefined && { heapBytes: config.heapMb * MIB }),
    },
    ...(config.trustedProxies !== undefined && { trustedProxies: config.trustedProxies }),
    ...(config.stripeUrl !== undefined && { stripeUrl: config.stripeUrl }),
    ...(metricsToken !== undefined && { metricsToken }),
    ...(config.verifyThreads !== undefined && { verifyThreads: config.verifyThreads }),
    ...(config.seller !== undefined && { seller: config.seller }),
    ...(config.webOrigin !== undefined && { webOrigin: config.webOrigin }),
    ...(config.viesUrl !== undefined && { viesUrl: config.viesUrl }),
    ...(config.logOrigin !== undefined && { logOrigin: config.logOrigin }),
    ...(config.publicUrl !== undefined && { publicUrl: config.publicUrl.replace(/\/$/u, '') }),
    ...(databaseUrl !== undefined && { databaseUrl }),
    ...(operatorToken !== undefined && { operatorToken }),
    ...(stripeSecretKey !== undefined &&
      stripeWebhookSecret !== undefined && {
        stripe: { secretKey: stripeSecretKey, webhookSecret: stripeWebhookSecret },
      }),
  }
}
