import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Backend {
  readonly url: URL
  isReady: boolean
}

/** Well below the shutdown delay of the services behind it. */
const PROBE_MS = 100
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding'])

/**
 * Gives each request to the next backend that says it is ready, over connections that it keeps. It never tries twice:
 * whatever a backend fails at, its client sees.
 */
export class Balancer implements AsyncDisposable {
  readonly url: string
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true })
  readonly #backends: Backend[] = []
  #turn = 0
  #probe: NodeJS.Timeout | undefined

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (incoming, reply) => {
      void this.#forward(incoming).then(
        ({ status, headers, body }) => reply.writeHead(status, headers).end(body),
        () => reply.writeHead(502).end(),
      )
    })
  }

  static async start(): Promise<Balancer> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const balancer = new Balancer(server)
    balancer.#probe = setInterval(() => void balancer.#probeAll(), PROBE_MS)
    return balancer
  }

  /** Resolves when the backend is ready. */
  async add(url: string): Promise<void> {
    const backend = { url: new URL(url), isReady: false }
    this.#backends.push(backend)
    while (!backend.isReady) {
      await this.#probeAll()
      if (!backend.isReady) await new Promise((resolve) => setTimeout(resolve, PROBE_MS))
    }
  }

  remove(url: string): void {
    const at = this.#backends.findIndex((backend) => backend.url.origin === url)
    if (at !== -1) this.#backends.splice(at, 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#probe)
    this.#agent.destroy()
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #probeAll(): Promise<void> {
    await Promise.all(
      this.#backends.map(async (backend) => {
        backend.isReady = await fetch(new URL('/readyz', backend.url)).then(
          ({ ok }) => ok,
          () => false,
        )
      }),
    )
  }

  async #forward(incoming: IncomingMessage): Promise<Answer> {
    const body = await bytesOf(incoming)
    const ready = this.#backends.filter(({ isReady }) => isReady)
    const backend = ready[this.#turn++ % ready.length]
    if (backend === undefined) return { status: 503, headers: {}, body: new Uint8Array() }
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).filter(([name]) => !HOP_BY_HOP.has(name)),
    )
    const outgoing = request(new URL(incoming.url ?? '/', backend.url), {
      agent: this.#agent,
      method: incoming.method,
      headers,
    })
    outgoing.end(body)
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    const kept = Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.has(name))
    return {
      status: answer.statusCode ?? 502,
      headers: Object.fromEntries(kept),
      body: await bytesOf(answer),
    }
  }
}

interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: Uint8Array
}

async function bytesOf(stream: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
