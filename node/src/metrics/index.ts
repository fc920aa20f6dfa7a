export { type MetricsServer, serveMetrics } from './metrics-server.ts'
export type { EndedSession, ProviderEvents, RequestKind } from './provider-events.ts'
export { ProviderMetrics } from './provider-metrics.ts'
export { ProviderStatistics } from './provider-statistics.ts'
