import type { FastifyBaseLogger } from 'fastify'
import type { ProviderStatus } from '../provider/status.ts'
import type { Probe } from './metrics-server.ts'
import type { ProviderMetrics } from './provider-metrics.ts'

/** Prometheus gives up after 10 s by default. */
const STATUS_MS = 8_000

/** What a provider tells: its metrics, and whether it is on the market and takes orders. */
export function providerProbe(
  metrics: ProviderMetrics,
  status: () => Promise<ProviderStatus>,
  log: FastifyBaseLogger,
): Probe {
  return {
    render: async () => {
      try {
        metrics.observe(await withinTime(status()))
      } catch (error) {
        // What was counted is still worth more than nothing.
        log.warn({ err: error }, 'metrics are told without a status')
      }
      return { contentType: metrics.contentType, text: await metrics.render() }
    },
    missing: async () => whyNotReady(await withinTime(status())),
  }
}

/** What keeps a provider from taking orders; empty when it does. */
export function whyNotReady(status: ProviderStatus): string[] {
  const { state, pausedBy, live, engines } = status
  return [
    ...(state === 'paused' ? ['paused', ...pausedBy] : []),
    ...(state === 'draining' ? ['draining'] : []),
    ...(live === undefined ? ['not announced on the market yet'] : []),
    ...(engines.some(({ ready }) => ready) ? [] : ['no engine is ready']),
  ]
}

async function withinTime<Value>(value: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error(`no status within ${STATUS_MS} ms`)),
    STATUS_MS,
  )
  try {
    return await Promise.race([value, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
