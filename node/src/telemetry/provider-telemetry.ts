import { type Attributes, type Histogram, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { EndedSession } from '../metrics/index.ts'
import { failureOf, secondsPerToken } from '../metrics/provider-statistics.ts'
import { OPERATIONS, operationAttributes, SERVER_METRICS } from './gen-ai.ts'
import type { Telemetry } from './telemetry.ts'
import { contextOf } from './trace-context.ts'

/** Traces and measures a provider's sessions with the GenAI conventions. No consumer is named, and no prompt is known to it. */
export class ProviderTelemetry {
  readonly #telemetry: Telemetry
  readonly #duration: Histogram
  readonly #firstToken: Histogram
  readonly #perToken: Histogram

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry
    const histogram = (name: string, description: string): Histogram =>
      telemetry.meter.createHistogram(name, { unit: 's', description })
    this.#duration = histogram(SERVER_METRICS.duration, 'From the order to the end.')
    this.#firstToken = histogram(SERVER_METRICS.firstToken, 'From the order to the first token.')
    this.#perToken = histogram(
      SERVER_METRICS.perToken,
      'Mean time between two output tokens of one session.',
    )
  }

  /** The span is made when everything is known of it, with the times at which it was so. */
  sessionEnded(session: EndedSession): void {
    const { model, kind, startedAt, durationMs, firstTokenMs, reason } = session
    const operation = operationAttributes(kind, model)
    const code = failureOf(session)
    const failed: Attributes = code === undefined ? {} : { 'error.type': code }
    const span = this.#telemetry.tracer.startSpan(
      `${OPERATIONS[kind]} ${model}`,
      {
        kind: SpanKind.SERVER,
        startTime: startedAt,
        attributes: {
          ...operation,
          ...failed,
          'gen_ai.response.model': model,
          'gen_ai.usage.input_tokens': session.inputTokens,
          'gen_ai.usage.output_tokens': session.outputTokens,
          'hanse.session': session.session,
          'hanse.session.reason': reason,
          'hanse.earned_pico_euro': session.earned.toString(),
        },
      },
      contextOf(session.trace),
    )
    if (firstTokenMs !== null) span.addEvent('gen_ai.first_token', {}, startedAt + firstTokenMs)
    if (code !== undefined) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end(startedAt + durationMs)
    this.#duration.record(durationMs / 1000, { ...operation, ...failed })
    if (firstTokenMs !== null) this.#firstToken.record(firstTokenMs / 1000, operation)
    const perToken = secondsPerToken(session)
    if (perToken !== undefined) this.#perToken.record(perToken, operation)
  }
}
