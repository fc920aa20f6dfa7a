import { TRACEPARENT } from '@hanse/protocol'
import { type Context, ROOT_CONTEXT, type Span, TraceFlags, trace } from '@opentelemetry/api'

/** The context that a `traceparent` names (W3C Trace Context); the root where there is none, or it is wrong. */
export function contextOf(traceparent: string | null | undefined): Context {
  if (traceparent === null || traceparent === undefined || !TRACEPARENT.test(traceparent))
    return ROOT_CONTEXT
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-')
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  })
}

/** What is passed on, so that what others do for this span is told below it. */
export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}
