import { ERRORS } from '@hanse/protocol'
import {
  type Attributes,
  type Histogram,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { RequestKind } from '../engine/engine.ts'
import { costOf } from '../openai/costs.ts'
import type { RequestRecord } from '../openai/request-run.ts'
import { CLIENT_METRICS, OPERATIONS, operationAttributes } from './gen-ai.ts'
import type { Telemetry } from './telemetry.ts'
import { contextOf, traceparentOf } from './trace-context.ts'

export interface HttpRequest {
  readonly kind: RequestKind
  readonly method: string
  readonly route: string
  /** As the client sent it. */
  readonly traceparent: string | undefined
  /** Its `x-request-id`. */
  readonly id: string
}

/** A request while it runs. */
export interface TracedRequest {
  /** For the providers that are asked. */
  readonly traceparent: string
  /** It was answered, or refused. `record` is absent when nothing was bought for it. */
  end(status: number, record?: RequestRecord): void
}

/**
 * Traces and measures a gateway's requests with the GenAI conventions: a span of the HTTP request, below it one of the
 * inference, and below that, by the `traceparent` in the order, those of the providers. No word of a prompt or an answer,
 * and no key, is in any of them.
 */
export class GatewayTelemetry {
  readonly #telemetry: Telemetry
  readonly #tokens: Histogram
  readonly #duration: Histogram
  readonly #firstChunk: Histogram

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry
    const { meter } = telemetry
    this.#tokens = meter.createHistogram(CLIENT_METRICS.tokens, {
      unit: '{token}',
      description: 'Input and output tokens that were paid for.',
    })
    this.#duration = meter.createHistogram(CLIENT_METRICS.duration, {
      unit: 's',
      description: 'From the request to the end of its answer.',
    })
    this.#firstChunk = meter.createHistogram(CLIENT_METRICS.firstChunk, {
      unit: 's',
      description: 'From the request to the first chunk of its answer.',
    })
  }

  begin({ kind, method, route, traceparent, id }: HttpRequest): TracedRequest {
    const { tracer } = this.#telemetry
    const http = tracer.startSpan(
      `${method} ${route}`,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': method,
          'http.route': route,
          'http.request.header.x-request-id': [id],
        },
      },
      contextOf(traceparent),
    )
    const inference = tracer.startSpan(
      OPERATIONS[kind],
      { kind: SpanKind.CLIENT },
      trace.setSpan(contextOf(traceparent), http),
    )
    return {
      traceparent: traceparentOf(inference),
      end: (status, record) => {
        http.setAttribute('http.response.status_code', status)
        if (status >= 500) http.setStatus({ code: SpanStatusCode.ERROR })
        if (record !== undefined) this.#tell(inference, record)
        inference.end()
        http.end()
      },
    }
  }

  #tell(span: Span, record: RequestRecord): void {
    const { facts, error, inputTokens, outputTokens, totalMs, firstMs } = record
    const operation = operationAttributes(facts.kind, facts.model)
    const [answer] = record.answers
    const served: Attributes = answer === undefined ? {} : { 'gen_ai.response.model': answer.model }
    const failed: Attributes = error === undefined ? {} : { 'error.type': error }
    span.updateName(`${OPERATIONS[facts.kind]} ${facts.model}`)
    span.setAttributes({
      ...operation,
      ...served,
      ...failed,
      'gen_ai.usage.input_tokens': inputTokens,
      'gen_ai.usage.output_tokens': outputTokens,
      ...(facts.maxOutputTokens !== undefined && {
        'gen_ai.request.max_tokens': facts.maxOutputTokens,
      }),
      ...(firstMs !== undefined && { 'gen_ai.response.time_to_first_chunk': firstMs / 1000 }),
      'gen_ai.request.stream': facts.stream,
      'hanse.replayed': record.replayed,
      'hanse.cost_pico_euro': costOf(record).toString(),
    })
    if (error !== undefined)
      span.setStatus({ code: SpanStatusCode.ERROR, message: ERRORS[error].advice })
    for (const { parts } of record.answers)
      for (const { session, provider, country, model } of parts)
        span.addEvent('hanse.session', {
          'hanse.session': session,
          'hanse.provider': provider,
          'hanse.country': country,
          'gen_ai.response.model': model,
        })
    const attributes = { ...operation, ...served }
    this.#duration.record(totalMs / 1000, { ...attributes, ...failed })
    if (firstMs !== undefined && facts.stream) this.#firstChunk.record(firstMs / 1000, attributes)
    // What came from memory was not paid for, and is counted when it was.
    if (record.replayed) return
    for (const [type, count] of [
      ['input', inputTokens],
      ['output', outputTokens],
    ] as const)
      if (count > 0) this.#tokens.record(count, { ...attributes, 'gen_ai.token.type': type })
  }
}
