import type { Meter, Tracer } from '@opentelemetry/api'

/** Where spans and measurements go. */
export interface Telemetry extends AsyncDisposable {
  readonly tracer: Tracer
  readonly meter: Meter
}

export interface TelemetrySettings {
  /** OTLP over HTTP; `/v1/traces` and `/v1/metrics` are below it. */
  readonly otlpEndpoint: string | undefined
  /** `name=value,…` */
  readonly otlpHeaders: string | undefined
  readonly traceSamplePercent: number
  readonly metricsEveryMs: number
}

export interface TelemetryIdentity {
  /** `hanse-gateway`, `hanse-provider` */
  readonly service: string
  readonly version: string
  readonly peerId: string
}

/** What is left to send when a daemon stops. */
const SHUTDOWN_MS = 2_000

/**
 * Opens the export of traces and metrics, where one is configured. Without one nothing is loaded, and nothing is measured
 * twice.
 */
export async function openTelemetry(
  settings: TelemetrySettings,
  identity: TelemetryIdentity,
): Promise<Telemetry | undefined> {
  const { otlpEndpoint } = settings
  if (otlpEndpoint === undefined) return undefined
  const { exportOtlp } = await import('./otlp.ts')
  return exportOtlp({ ...settings, otlpEndpoint }, identity, SHUTDOWN_MS)
}
