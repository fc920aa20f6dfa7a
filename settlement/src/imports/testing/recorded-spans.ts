import { SpanKind } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { PLANTED } from './samples.ts'

/**
 * Spans as OpenTelemetry's own library records them: a request by today's names, one by those of before, an agent, who
 * answered, and one by our gateway. Each carries prompts in all places where instrumentation puts them.
 *
 * @param start milliseconds since 1970
 */
export function recordedSpans(start: number): ReadableSpan[] {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'shop',
      'deployment.environment.name': 'prod',
    }),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('test')
  const record = (kind: SpanKind, attributes: Record<string, string | number | boolean>) => {
    const span = tracer.startSpan('chat', { kind, startTime: start, attributes })
    span.setAttribute('gen_ai.input.messages', JSON.stringify([{ content: PLANTED }]))
    span.setAttribute('gen_ai.prompt.0.content', PLANTED)
    span.setAttribute('gen_ai.request.stop_sequences', [PLANTED])
    span.addEvent('gen_ai.content.prompt', { 'gen_ai.prompt': PLANTED })
    span.end(start + 900)
  }
  record(SpanKind.CLIENT, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-4o',
    'gen_ai.response.model': 'gpt-4o-2024-08-06',
    'gen_ai.usage.input_tokens': 1200,
    'gen_ai.usage.cache_read.input_tokens': 200,
    'gen_ai.usage.output_tokens': 40,
    'gen_ai.usage.reasoning.output_tokens': 8,
    'gen_ai.usage.cost': 0.00123,
  })
  record(SpanKind.CLIENT, {
    'gen_ai.system': 'anthropic',
    'gen_ai.request.model': 'claude-sonnet-4-5',
    'gen_ai.usage.prompt_tokens': 3_000_000_000,
    'gen_ai.usage.completion_tokens': 20,
    'gen_ai.usage.cost': 2,
  })
  record(SpanKind.INTERNAL, {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.usage.input_tokens': 1500,
  })
  record(SpanKind.SERVER, { 'gen_ai.usage.input_tokens': 1 })
  record(SpanKind.CLIENT, {
    'gen_ai.provider.name': 'hanse',
    'gen_ai.request.model': 'm/one',
    'gen_ai.usage.input_tokens': 10,
    'gen_ai.usage.output_tokens': 5,
    'hanse.replayed': false,
    'hanse.cost_pico_euro': '1234567',
  })
  return exporter.getFinishedSpans()
}
