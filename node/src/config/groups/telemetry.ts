import * as kinds from '../kinds.ts'

/** Traces and metrics by OpenTelemetry. */
export const telemetryGroup = {
  otlpEndpoint: kinds.optionalUrl({
    description:
      'where traces and metrics go, OTLP over HTTP, such as http://127.0.0.1:4318; nowhere when not given',
  }),
  otlpHeaders: kinds.optionalText({
    description: 'headers for that server, as `name=value,…`',
    secret: true,
  }),
  traceSamplePercent: kinds.integer({
    description: 'of the requests that begin a trace here: how many are traced',
    placeholder: '<percent>',
    fallback: 100,
    min: 0,
    max: 100,
  }),
  metricsEveryMs: kinds.integer({
    description: 'time between two exports of metrics, ms',
    placeholder: '<ms>',
    fallback: 60_000,
    min: 100,
    max: 3_600_000,
  }),
} as const
