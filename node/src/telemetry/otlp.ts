import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { BUCKETS } from './gen-ai.ts'
import type { Telemetry, TelemetryIdentity, TelemetrySettings } from './telemetry.ts'

/** Whoever looks at a trace has just sent the request. */
const SPANS_EVERY_MS = 1_000

/** Sends spans and measurements to an OTLP server. */
export function exportOtlp(
  settings: TelemetrySettings & { readonly otlpEndpoint: string },
  { service, version, peerId }: TelemetryIdentity,
  shutdownMs: number,
): Telemetry {
  const base = settings.otlpEndpoint.replace(/\/+$/u, '')
  const headers = headersOf(settings.otlpHeaders)
  const resource = resourceFromAttributes({
    'service.name': service,
    'service.version': version,
    'service.instance.id': peerId,
  })
  const traces = new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({
      root: new TraceIdRatioBasedSampler(settings.traceSamplePercent / 100),
    }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: `${base}/v1/traces`, headers }),
        scheduledDelayMillis: SPANS_EVERY_MS,
      }),
    ],
  })
  const metrics = new MeterProvider({
    resource,
    views: Object.entries(BUCKETS).map(
      ([instrumentName, boundaries]): ViewOptions => ({
        instrumentName,
        aggregation: {
          type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
          options: { boundaries: [...boundaries] },
        },
      }),
    ),
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${base}/v1/metrics`, headers }),
        exportIntervalMillis: settings.metricsEveryMs,
        exportTimeoutMillis: Math.min(settings.metricsEveryMs, 30_000),
      }),
    ],
  })
  return {
    tracer: traces.getTracer('hanse', version),
    meter: metrics.getMeter('hanse', version),
    [Symbol.asyncDispose]: async () => {
      // A server that is gone must not keep the daemon from stopping.
      const late = new Promise((resolve) => setTimeout(resolve, shutdownMs).unref())
      const closed = Promise.allSettled([traces.shutdown(), metrics.shutdown()])
      await Promise.race([closed, late])
    },
  }
}

function headersOf(given: string | undefined): Record<string, string> {
  const pairs = (given ?? '').split(',').map((pair) => pair.trim())
  return Object.fromEntries(
    pairs.flatMap((pair) => {
      const at = pair.indexOf('=')
      return at < 1 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]]
    }),
  )
}
