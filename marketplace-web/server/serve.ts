import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import staticFiles from '@fastify/static'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'

export interface WebOptions {
  /** The folder that `vite build` wrote. */
  readonly directory: string
  /** 127.0.0.1 unless given: a page for others is a choice. */
  readonly host?: string
  /** 0 takes any free port. */
  readonly port: number
  readonly gatewayUrl: string
  readonly settlementUrl: string
  /** What pages join by themselves, with nobody between; without it they say that there is none. */
  readonly network?: PeerNetwork
  /** Where people reach it, for the site map; what they asked for unless given. */
  readonly publicUrl?: string
}

/** A network of peers, and where pages enter it. */
export interface PeerNetwork {
  readonly name: string
  /** Multiaddresses of WebSockets, each with the peer id of who is there. */
  readonly bootstrap: readonly string[]
}

export interface Web {
  readonly url: string
  close(): Promise<void>
}

/** Pages that dial peers: some with what is below them, of a provider's own those two alone. */
const PEER_PAGES = /^(?:\/de)?\/(?:(?:market|playground)(?:[/?]|$)|provider(?:\/prices)?(?:\?|$))/u

/** Serves the built pages and `/config.json`. @throws {Error} when nothing is built or an address is none. */
export async function startWeb(options: WebOptions): Promise<Web> {
  const { directory, host = '127.0.0.1', port } = options
  const gatewayUrl = httpUrl('gatewayUrl', options.gatewayUrl)
  const settlementUrl = httpUrl('settlementUrl', options.settlementUrl)
  const root = resolve(directory)
  if (!existsSync(join(root, 'index.html'))) {
    throw new Error(
      `No pages in ${root}: run \`npm run build --workspace @hanse/marketplace-web\` first.`,
    )
  }
  const connect = [new URL(gatewayUrl).origin, new URL(settlementUrl).origin]
  const pages = await readPages(root)
  const network = options.network && peerNetwork(options.network)
  const scripts = inlineScriptHashes(pages)
  const policy = contentPolicy(scripts, connect)
  const peerPolicy = contentPolicy(scripts, [...connect, ...peerSources(network)])
  const notFoundPage = await readFile(join(root, '404.html'))

  const app = fastify({
    // A browser keeps its connections open; closing must not wait for it.
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
  })
  app.addHook('onSend', async (request, reply) => {
    reply.headers({
      'content-security-policy': PEER_PAGES.test(request.url) ? peerPolicy : policy,
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=(), geolocation=(), microphone=()',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    })
  })
  app.get('/config.json', async (_request, reply) => {
    reply.header('cache-control', 'no-cache')
    return { gatewayUrl, settlementUrl, network: network ?? null }
  })
  const publicUrl = options.publicUrl && httpUrl('publicUrl', options.publicUrl)
  siteMap(app, pages, publicUrl)
  await app.register(staticFiles, {
    root,
    // `/market` is market.html; the compressed copies beside each file are the adapter's.
    extensions: ['html'],
    preCompressed: true,
    cacheControl: false,
    setHeaders(reply, path) {
      const named = path.includes('/_app/immutable/')
      reply.header('cache-control', named ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  // A page that has pages below it has a folder of its name, which would be looked into.
  for (const { path } of pages.filter(({ path }) => existsSync(join(root, path)) && path !== '/')) {
    app.get(path, (_request, reply) => reply.sendFile(`${path.slice(1)}.html`))
  }
  app.setNotFoundHandler(async (_request, reply) => {
    reply.code(404).type('text/html; charset=utf-8').header('cache-control', 'no-cache')
    return notFoundPage
  })

  const url = await app.listen({ host, port })
  return { url, close: () => app.close() }
}

function contentPolicy(scriptHashes: readonly string[], connect: readonly string[]): string {
  return [
    "default-src 'none'",
    `script-src ${["'self'", ...scriptHashes].join(' ')}`,
    "style-src 'self'",
    // SvelteKit hides its announcer for screen readers with a style attribute.
    "style-src-attr 'unsafe-inline'",
    // The verifier of session bundles.
    "worker-src 'self'",
    "font-src 'self'",
    "img-src 'self' data:",
    `connect-src ${["'self'", ...connect].join(' ')}`,
    "manifest-src 'self'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/**
 * Where providers are is known only once the network has been asked, so pages that join it may open any encrypted WebSocket,
 * and others where the network itself has them: on one machine, or in one house.
 */
function peerSources(network: PeerNetwork | undefined): string[] {
  if (network === undefined) return []
  const isPlain = network.bootstrap.some((address) => !/\/(?:wss|tls)(?:\/|$)/u.test(address))
  return isPlain ? ['wss:', 'ws:'] : ['wss:']
}

interface Page {
  /** As it is asked for: `/market`. */
  readonly path: string
  readonly html: string
}

async function readPages(root: string): Promise<Page[]> {
  const files = await readdir(root, { recursive: true })
  return await Promise.all(
    files
      .filter((name) => name.endsWith('.html'))
      .map(async (name) => {
        const path = `/${name.replaceAll('\\', '/').slice(0, -'.html'.length)}`
        return {
          path: path === '/index' ? '/' : path,
          html: await readFile(join(root, name), 'utf8'),
        }
      }),
  )
}

/** The prerendered pages start themselves with small inline scripts; exactly those may run. */
function inlineScriptHashes(pages: readonly Page[]): string[] {
  const scripts = pages.flatMap(({ html }) =>
    [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
      ([, script = '']) => script,
    ),
  )
  const hashes = scripts.map((script) => createHash('sha256').update(script).digest('base64'))
  return [...new Set(hashes)].map((hash) => `'sha256-${hash}'`).toSorted()
}

/** What search engines may read, with addresses as people have them: those are not known when the pages are made. */
function siteMap(app: FastifyInstance, pages: readonly Page[], publicUrl: string | undefined) {
  const listed = pages
    .filter(({ path, html }) => path !== '/404' && !html.includes('name="robots"'))
    .map(({ path }) => path)
    .toSorted()
  const origin = (request: FastifyRequest) => publicUrl ?? `${request.protocol}://${request.host}`
  app.get('/sitemap.xml', (request, reply) => {
    const urls = listed.map(
      (path) => `  <url><loc>${escapeXml(origin(request) + path)}</loc></url>`,
    )
    reply.type('application/xml; charset=utf-8').header('cache-control', 'no-cache')
    return `<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
${urls.join('\n')}
</urlset>
`
  })
  app.get('/robots.txt', (request, reply) => {
    reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache')
    return `User-agent: *\nAllow: /\nSitemap: ${origin(request)}/sitemap.xml\n`
  })
}

const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function peerNetwork({ name, bootstrap }: PeerNetwork): PeerNetwork {
  for (const address of bootstrap) {
    // Pages open nothing but WebSockets, and must know whom they talk to.
    if (/^\/[^\s]+\/wss?\/p2p\/\w+$/u.test(address)) continue
    throw new Error(
      `network.bootstrap: not the multiaddress of a WebSocket with a PeerId: ${address}`,
    )
  }
  return { name, bootstrap }
}

function httpUrl(name: string, text: string): string {
  const url = URL.parse(text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new Error(`${name} is not an http(s) URL: ${text}`)
  }
  return text.replace(/\/+$/, '')
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      directory: { type: 'string', default: join(import.meta.dirname, '..', 'build') },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '5173' },
      gateway: { type: 'string', default: 'http://127.0.0.1:8787' },
      settlement: { type: 'string', default: 'http://127.0.0.1:8788' },
      network: { type: 'string' },
      bootstrap: { type: 'string', default: '' },
      'public-url': { type: 'string' },
    },
  })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`--port is not a port: ${values.port}`)
  }
  const { directory, host, gateway: gatewayUrl, settlement: settlementUrl } = values
  const publicUrl = values['public-url']
  const web = await startWeb({
    directory,
    host,
    port,
    gatewayUrl,
    settlementUrl,
    ...(values.network !== undefined && {
      network: { name: values.network, bootstrap: values.bootstrap.split(',').filter(Boolean) },
    }),
    ...(publicUrl !== undefined && { publicUrl }),
  })
  const stop = () => {
    web.close().catch(fail)
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  process.stdout.write(`${JSON.stringify({ event: 'ready', url: web.url })}\n`)
}

function fail(cause: unknown): void {
  process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`)
  process.exitCode = 1
}

if (import.meta.main) main().catch(fail)
