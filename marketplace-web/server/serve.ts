import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import staticFiles from '@fastify/static'
import fastify from 'fastify'

export interface WebOptions {
  /** The folder that `vite build` wrote. */
  readonly directory: string
  /** 127.0.0.1 unless given: a page for others is a choice. */
  readonly host?: string
  /** 0 takes any free port. */
  readonly port: number
  readonly gatewayUrl: string
  readonly settlementUrl: string
}

export interface Web {
  readonly url: string
  close(): Promise<void>
}

/** Serves the built pages and `/config.json`. @throws {Error} when nothing is built or a URL is not http(s). */
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
  const policy = contentPolicy(await inlineScriptHashes(root), connect)
  const notFoundPage = await readFile(join(root, '404.html'))

  const app = fastify({
    // A browser keeps its connections open; closing must not wait for it.
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'content-security-policy': policy,
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=(), geolocation=(), microphone=()',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    })
  })
  app.get('/config.json', async (_request, reply) => {
    reply.header('cache-control', 'no-cache')
    return { gatewayUrl, settlementUrl }
  })
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
    "font-src 'self'",
    "img-src 'self' data:",
    `connect-src ${["'self'", ...connect].join(' ')}`,
    "manifest-src 'self'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** The prerendered pages start themselves with small inline scripts; exactly those may run. */
async function inlineScriptHashes(root: string): Promise<string[]> {
  const files = await readdir(root, { recursive: true })
  const pages = await Promise.all(
    files
      .filter((name) => name.endsWith('.html'))
      .map((name) => readFile(join(root, name), 'utf8')),
  )
  const scripts = pages.flatMap((page) =>
    [...page.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
      ([, script = '']) => script,
    ),
  )
  const hashes = scripts.map((script) => createHash('sha256').update(script).digest('base64'))
  return [...new Set(hashes)].map((hash) => `'sha256-${hash}'`).toSorted()
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
    },
  })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`--port is not a port: ${values.port}`)
  }
  const { directory, host, gateway: gatewayUrl, settlement: settlementUrl } = values
  const web = await startWeb({ directory, host, port, gatewayUrl, settlementUrl })
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
