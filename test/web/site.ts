// What runs in the page is given as text: this program is checked without the types of a browser.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type PeerNetwork, startWeb, type Web } from '@hanse/marketplace-web/server'
import fastify, { type FastifyInstance } from 'fastify'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.ts'
import { market } from './offers.ts'

const root = join(import.meta.dirname, '..', '..')
const workspace = join(root, 'marketplace-web')
export const BUILD = join(workspace, 'build')
export const ARTIFACTS = join(root, 'test', 'artifacts')
/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:1'

export interface Visit extends AsyncDisposable {
  readonly page: Page
  /** @throws {AssertionError} when the page had warned of anything. */
  assertQuiet(): void
}

/** The built site, a gateway that lists what it is told to, and one browser. */
export class Site implements AsyncDisposable {
  /** How often the gateway was asked. */
  asked = 0
  readonly web: Web
  readonly #browser: Browser
  readonly #gateway: Gateway

  private constructor(web: Web, browser: Browser, gateway: Gateway) {
    this.web = web
    this.#browser = browser
    this.#gateway = gateway
    gateway.onAsked = () => {
      this.asked += 1
    }
  }

  static async open({
    settlementUrl = NOWHERE,
    port = 0,
    network,
  }: {
    readonly settlementUrl?: string
    readonly port?: number
    /** What pages join by themselves; none when left out. */
    readonly network?: PeerNetwork
  } = {}): Promise<Site> {
    await buildIfStale()
    await mkdir(ARTIFACTS, { recursive: true })
    const gateway = await Gateway.start()
    const web = await startWeb({
      directory: BUILD,
      port,
      gatewayUrl: gateway.url,
      settlementUrl,
      ...(network !== undefined && { network }),
    })
    return new Site(web, await launchChromium(), gateway)
  }

  /** Until it is disposed, the gateway answers with this. */
  answering(status: number, body: unknown): Disposable {
    const before = this.#gateway.answer
    this.#gateway.answer = () => ({ status, body })
    return {
      [Symbol.dispose]: () => {
        this.#gateway.answer = before
      },
    }
  }

  /** A new visitor; `undefined` as the path opens an empty page. */
  async visit(path: string | undefined, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      colorScheme: 'light',
      reducedMotion: 'reduce',
      ...options,
    })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    if (path !== undefined) await page.goto(`${this.web.url}${path}`)
    return {
      page,
      assertQuiet: () => assert.deepEqual(complaints, []),
      [Symbol.asyncDispose]: () => context.close(),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
    await this.web.close()
    await this.#gateway.close()
  }
}

/** Only what the site asks of a gateway: its list of offers. */
class Gateway {
  answer: () => { status: number; body: unknown } = () => ({ status: 200, body: market() })
  onAsked: () => void = () => {}
  readonly url: string
  readonly #app: FastifyInstance

  private constructor(url: string, app: FastifyInstance) {
    this.url = url
    this.#app = app
  }

  static async start(): Promise<Gateway> {
    const app = fastify({ forceCloseConnections: true })
    let self: Gateway | undefined
    app.get('/hanse/v1/offers', async (_request, reply) => {
      self?.onAsked()
      const { status, body } = self?.answer() ?? { status: 503, body: {} }
      return reply.code(status).header('access-control-allow-origin', '*').send(body)
    })
    self = new Gateway(await app.listen({ host: '127.0.0.1', port: 0 }), app)
    return self
  }

  close(): Promise<void> {
    return this.#app.close()
  }
}

/** Every page of the build, as it is asked for; `/404` is asked for as any address that does not exist. */
export async function pagePaths(): Promise<string[]> {
  const files = await readdir(BUILD, { recursive: true })
  return files
    .filter((name) => name.endsWith('.html'))
    .map((name) => `/${name.replaceAll('\\', '/').slice(0, -'.html'.length)}`)
    .map((path) => (path === '/index' ? '/' : path))
    .toSorted()
}

/** Once for all tests that run after each other: a build takes longer than all of them. */
export async function buildIfStale(): Promise<void> {
  const index = join(BUILD, 'index.html')
  const built = existsSync(index) ? (await stat(index)).mtimeMs : 0
  const sources = [join(workspace, 'vite.config.ts'), join(workspace, 'package.json')]
  for (const folder of ['src', 'static', 'messages']) {
    const names = await readdir(join(workspace, folder), { recursive: true })
    const own = names.filter((name) => !name.startsWith('paraglide'))
    sources.push(...own.map((name) => join(workspace, folder, name)))
  }
  const changed = await Promise.all(sources.map(async (path) => (await stat(path)).mtimeMs))
  if (Math.max(...changed) < built) return
  // The workspace's own tools, run by this Node: a shell's may be older.
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  await promisify(execFile)(process.execPath, [vite, 'build'], { cwd: workspace })
}
