import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HanseError } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'

/** What a daemon tells of itself. */
export interface Probe {
  /** Everything there is to measure, as of now. */
  readonly render: () => Promise<{ readonly contentType: string; readonly text: string }>
  /** What keeps it from its work; empty when nothing does. */
  readonly missing: () => Promise<readonly string[]>
}

export interface MetricsServerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly probe: Probe
  readonly log: FastifyBaseLogger
}

export interface MetricsServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:9464`. */
  readonly url: string
}

/** A scraper or two, and probes. */
const CONNECTIONS_MAX = 64

/**
 * Serves /metrics for Prometheus, /health (the process lives) and /ready (nothing keeps it from its work).
 *
 * @throws {HanseError} HANSE_ADDRESS_IN_USE; HANSE_CONFIG_INVALID when the host is none of this machine
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    void answer(options, request, response).catch((cause: unknown) => {
      options.log.error({ err: cause }, 'metrics could not be told')
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  })
  server.maxConnections = CONNECTIONS_MAX
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host: options.host, port: options.port }, resolve)
  try {
    await promise
  } catch (cause) {
    throw listenFault(options, cause)
  }
  const { port } = server.address() as AddressInfo
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    url: `http://${host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  { probe }: MetricsServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url?.split('?')[0]
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end()
  } else if (path === '/metrics') {
    const { contentType, text } = await probe.render()
    response.writeHead(200, { 'content-type': contentType }).end(text)
  } else if (path === '/health') {
    sendJson(response, 200, { status: 'ok' })
  } else if (path === '/ready') {
    const missing = await probe.missing()
    sendJson(response, missing.length === 0 ? 200 : 503, { ready: missing.length === 0, missing })
  } else {
    sendJson(response, 404, { paths: ['/metrics', '/health', '/ready'] })
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function listenFault({ host, port }: MetricsServerOptions, cause: unknown): HanseError {
  const code = (cause as NodeJS.ErrnoException).code
  return code === 'EADDRINUSE'
    ? new HanseError(
        'HANSE_ADDRESS_IN_USE',
        `${host}:${port} is in use; --metrics-port takes another`,
        { cause },
      )
    : new HanseError(
        'HANSE_CONFIG_INVALID',
        `--metrics-host ${host}, --metrics-port ${port}: ${code ?? String(cause)}`,
        { cause },
      )
}
