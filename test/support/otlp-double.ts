import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

type Attributes = readonly { readonly key: string; readonly value: object }[]

/** As far as it is looked at (OTLP 1, JSON). */
interface Traces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes }
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string
        readonly spanId: string
        readonly parentSpanId?: string
        readonly name: string
        readonly kind: number
        readonly attributes: Attributes
      }[]
    }[]
  }[]
}

interface Metrics {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[]
  }[]
}

export interface ReceivedSpan {
  readonly service: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  /** 2 server, 3 client. */
  readonly kind: number
  readonly attributes: Readonly<Record<string, unknown>>
}

/** Takes what OpenTelemetry exports, as a collector does. */
export interface OtlpDouble extends AsyncDisposable {
  readonly url: string
  readonly spans: readonly ReceivedSpan[]
  readonly metricNames: ReadonlySet<string>
  /** Everything that came, to look for what must not be in it. */
  readonly raw: () => string
}

export async function openOtlpDouble(): Promise<OtlpDouble> {
  const spans: ReceivedSpan[] = []
  const metricNames = new Set<string>()
  const bodies: string[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = []
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
      const body = Buffer.concat(parts).toString()
      bodies.push(body)
      if (request.url === '/v1/traces') spans.push(...spansOf(JSON.parse(body) as Traces))
      else for (const name of namesOf(JSON.parse(body) as Metrics)) metricNames.add(name)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metricNames,
    raw: () => bodies.join('\n'),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function spansOf({ resourceSpans }: Traces): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(plain(resource.attributes)['service.name'])
    return scopeSpans
      .flatMap(({ spans }) => spans)
      .map(({ parentSpanId, attributes, ...span }) => ({
        ...span,
        service,
        parentSpanId,
        attributes: plain(attributes),
      }))
  })
}

function namesOf({ resourceMetrics }: Metrics): string[] {
  return resourceMetrics
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap(({ metrics }) => metrics.map(({ name }) => name))
}

/** `{intValue: "5"}` and its like. */
function plain(given: Attributes): Record<string, unknown> {
  return Object.fromEntries(given.map(({ key, value }) => [key, Object.values(value)[0]]))
}
