// What runs in the page is given as text: this program is checked without the types of a browser.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startWeb, type Web } from '@hanse/marketplace-web/server'
import fastify, { type FastifyInstance } from 'fastify'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { launchChromium } from '../support/chromium.ts'

const root = join(import.meta.dirname, '..', '..')
const site = join(root, 'marketplace-web')
const artifacts = join(root, 'test', 'artifacts')
/** JS and CSS of the landing page, compressed, as the design asks. */
const firstLoadBytesMax = 100_000

let browser: Browser
let gateway: FastifyInstance
let web: Web
/** What the stub answers with; a test that changes it puts it back. */
let answer: () => { status: number; body: unknown } = () => ({ status: 200, body: market() })
let asked = 0

beforeAll(async () => {
  await buildIfStale()
  await mkdir(artifacts, { recursive: true })
  gateway = fastify({ forceCloseConnections: true })
  gateway.get('/hanse/v1/offers', async (_request, reply) => {
    asked += 1
    const { status, body } = answer()
    return reply.code(status).header('access-control-allow-origin', '*').send(body)
  })
  const gatewayUrl = await gateway.listen({ host: '127.0.0.1', port: 0 })
  web = await startWeb({
    directory: join(site, 'build'),
    port: 0,
    gatewayUrl,
    settlementUrl: 'http://127.0.0.1:8788',
  })
  browser = await launchChromium()
})

afterAll(async () => {
  await browser?.close()
  await web?.close()
  await gateway?.close()
})

test('the landing page says what Hanse is and shows live numbers', async () => {
  await using visit = await open('/')
  const { page } = visit
  await page.getByRole('heading', { level: 1, name: /GPU inference, sold peer to peer/ }).waitFor()
  const live = page.getByTestId('live')
  await live.getByText('250.00').waitFor()
  const numbers = await live.innerText()
  assert.match(numbers, /Live offers\s+3\s/)
  assert.match(numbers, /Countries\s+2\s/)
  assert.match(numbers, /France, Germany|Germany, France/)
  await shoot(page, 'landing')
  visit.assertQuiet()
})

test('the landing page stays calm when no gateway answers', async () => {
  using _ = answering(500, { error: 'down' })
  await using visit = await open('/')
  await visit.page.getByText('No gateway to ask.').waitFor()
  assert.match(await visit.page.getByTestId('live').innerText(), /not known/)
  await shoot(visit.page, 'landing-unreachable')
})

test('the first load of the landing page stays under 100 kB of compressed JS and CSS', async () => {
  await using visit = await open('/', {}, false)
  const { page } = visit
  const sizes: Promise<number>[] = []
  page.on('requestfinished', (request) => {
    if (!['script', 'stylesheet'].includes(request.resourceType())) return
    sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize))
  })
  await page.goto(`${web.url}/`, { waitUntil: 'networkidle' })
  const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  assert.ok(total > 10_000, `${total} bytes: nothing was measured`)
  assert.ok(total < firstLoadBytesMax, `${total} bytes`)
})

test('the landing page does not move while it loads', async () => {
  await using visit = await open('/', {}, false)
  await visit.page.goto(`${web.url}/`, { waitUntil: 'networkidle' })
  const shift = await visit.page.evaluate<number>(`new Promise((done) => {
    let sum = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) sum += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
    setTimeout(() => done(sum), 500)
  })`)
  assert.ok(shift < 0.02, `layout shift ${shift}`)
})

test('the market lists offers, cheapest output first, and excluded ones with the reason', async () => {
  await using visit = await open('/market')
  const { page } = visit
  await page.getByTestId('offer').first().waitFor()
  assert.deepEqual(await outputPrices(page), ['250.00', '300.50', '1\u202f200.00'])
  await page.getByText('US is outside EU.').waitFor()
  await page.getByText('What would change it: allow US in the residency policy.').waitFor()
  const price = page
    .getByTestId('offer')
    .first()
    .getByTitle(/pEUR per token/)
  assert.equal(await price.last().getAttribute('title'), '250\u202f000\u202f000 pEUR per token')
  await page.getByTestId('offer').first().getByTitle(peer('A'), { exact: true }).waitFor()
  await shoot(page, 'market')

  await page.getByLabel(/Show excluded/).uncheck()
  assert.equal(await page.getByTestId('excluded').count(), 0)
  visit.assertQuiet()
})

test('a column sorts by its header, and again the other way', async () => {
  await using visit = await open('/market')
  const { page } = visit
  await page.getByTestId('offer').first().waitFor()
  const header = page.getByRole('columnheader', { name: /Output/ })
  assert.equal(await header.getAttribute('aria-sort'), 'ascending')
  await header.getByRole('button').click()
  assert.equal(await header.getAttribute('aria-sort'), 'descending')
  assert.deepEqual(await outputPrices(page), ['1\u202f200.00', '300.50', '250.00'])
  for (const name of [/Model/, /Provider/, /Country/, /Evidence/, /Input/, /Slots/, /Context/]) {
    const other = page.getByRole('columnheader', { name })
    await other.getByRole('button').focus()
    await page.keyboard.press('Enter')
    assert.match((await other.getAttribute('aria-sort')) ?? '', /ending$/, String(name))
  }
  assert.equal(await header.getAttribute('aria-sort'), 'none')
})

test('filters narrow the list, and an empty list says how to widen it', async () => {
  await using visit = await open('/market')
  const { page } = visit
  await page.getByTestId('offer').first().waitFor()
  await page.getByLabel('Country').selectOption('FR')
  assert.deepEqual(await outputPrices(page), ['300.50'])
  await page.getByLabel('Country').selectOption('')
  await page.getByLabel('Model').selectOption('hanse/large-v1:q8')
  assert.deepEqual(await outputPrices(page), ['1\u202f200.00'])
  await page.getByLabel('Search').fill('nothing like this')
  await page.getByText('No offer matches these filters').waitFor()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  assert.equal(await page.getByTestId('offer').count(), 3)
})

test('an unreachable gateway, an odd answer and an empty network each say so', async () => {
  for (const [status, body, text] of [
    [503, {}, 'The gateway answered with HTTP 503.'],
    [200, { candidates: 'no' }, 'The gateway gave an answer that is not a list of offers.'],
    [200, { ...market(), candidates: [], excluded: [] }, 'No offers at the moment'],
  ] as const) {
    using _ = answering(status, body)
    await using visit = await open('/market')
    await visit.page.getByText(text).waitFor()
    if (status === 503) await shoot(visit.page, 'market-unreachable')
  }
})

test('offers stay, marked as old, when the gateway goes away, and come back by themselves', async () => {
  await using visit = await open('/market')
  const { page } = visit
  await page.getByTestId('offer').first().waitFor()
  {
    using _ = answering(500, {})
    await page.getByText('may be gone').waitFor()
    assert.equal(await page.getByTestId('offer').count(), 3)
  }
  await page.getByText('may be gone').waitFor({ state: 'detached' })
})

test('a hidden tab does not ask, and asks at once when it is seen again', async () => {
  await using visit = await open('/market')
  const { page } = visit
  await page.getByTestId('offer').first().waitFor()
  await show(page, false)
  const before = asked
  // One period and a half: long enough for a refresh that should not come.
  await page.waitForTimeout(7_500)
  assert.equal(asked, before)
  await show(page, true)
  await page.waitForTimeout(500)
  assert.equal(asked, before + 1)
})

test('the dark theme is chosen by the visitor and kept', async () => {
  await using visit = await open('/market')
  const { page } = visit
  await page.getByTestId('offer').first().waitFor()
  const light = await background(page)
  await page.getByRole('button', { name: 'Dark theme' }).click()
  const dark = await background(page)
  assert.notEqual(dark, light)
  await shoot(page, 'market-dark')
  await page.goto(`${web.url}/`)
  assert.equal(await background(page), dark)
  await page.getByTestId('live').getByText('250.00').waitFor()
  await shoot(page, 'landing-dark')
  visit.assertQuiet()
})

test('on a phone both pages fit without sideways scrolling', async () => {
  for (const [path, name] of [
    ['/', 'landing-phone'],
    ['/market', 'market-phone'],
  ] as const) {
    await using visit = await open(path, { viewport: { width: 360, height: 740 } })
    const { page } = visit
    await page.getByText('250.00').first().waitFor()
    const [content, width] = await page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    )
    assert.equal(content, width, path)
    await shoot(page, name)
  }
})

test('the first key press reaches the skip link, and the page has its landmarks', async () => {
  await using visit = await open('/')
  const { page } = visit
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement?.textContent'), 'Skip to content')
  for (const role of ['banner', 'main', 'contentinfo', 'navigation'] as const) {
    assert.equal(await page.getByRole(role).count(), 1, role)
  }
})

test('the server sets its headers, caches by name and answers 404 with a page', async () => {
  const home = await fetch(`${web.url}/`)
  assert.equal(home.headers.get('cache-control'), 'no-cache')
  assert.equal(home.headers.get('x-content-type-options'), 'nosniff')
  const policy = home.headers.get('content-security-policy') ?? ''
  assert.match(policy, /script-src 'self' 'sha256-/)
  assert.doesNotMatch(policy, /script-src[^;]*unsafe/)
  const asset = /\/_app\/immutable\/[^"]+\.js/.exec(await home.text())?.[0]
  assert.ok(asset)
  const script = await fetch(`${web.url}${asset}`)
  assert.match(script.headers.get('cache-control') ?? '', /immutable/)
  const missing = await fetch(`${web.url}/no-such-page`)
  assert.equal(missing.status, 404)
  assert.match(missing.headers.get('content-type') ?? '', /text\/html/)
  await using visit = await open('/no-such-page')
  await visit.page.getByRole('heading', { name: 'No page at this address' }).waitFor()
})

test('without a build the server says how to make one', async () => {
  const options = { port: 0, gatewayUrl: 'http://127.0.0.1:1', settlementUrl: 'http://127.0.0.1:1' }
  await assert.rejects(
    startWeb({ directory: artifacts, ...options }),
    /npm run build --workspace @hanse\/marketplace-web/,
  )
})

function peer(letter: string): string {
  return `12D3KooW${letter.repeat(44)}`
}

function row(provider: string, model: string, country: string, outputPrice: string) {
  return {
    provider,
    model,
    country,
    evidenceLevel: 3,
    inputPrice: '60000000',
    outputPrice,
    contextLength: 32_768,
    slots: 4,
    freeSlots: 2,
    tokensPerSecond: 48.2 as number | null,
    quantization: 'f16',
    addresses: ['/ip4/127.0.0.1/tcp/4001'],
    notAfter: Date.now() + 600_000,
    seenAt: Date.now() - 3_000,
  }
}

function market() {
  const tiny = 'hanse/tiny-v1:f16'
  const residency = {
    code: 'residency',
    message: 'US is outside EU',
    change: 'allow US in the residency policy',
  }
  const evidence = {
    code: 'residency',
    message: 'evidence of location is level 1, the policy asks for 3',
    change: 'lower the level, or wait until the provider is verified',
  }
  return {
    network: 'devnet',
    at: Date.now(),
    policy: { allow: ['EU'], minLevel: 3 },
    candidates: [
      { ...row(peer('B'), tiny, 'FR', '300500000'), evidenceLevel: 4, tokensPerSecond: null },
      { ...row(peer('C'), 'hanse/large-v1:q8', 'DE', '1200000000'), freeSlots: 0 },
      row(peer('A'), tiny, 'DE', '250000000'),
    ],
    excluded: [
      { ...row(peer('D'), tiny, 'US', '90000000'), reasons: [residency] },
      { ...row(peer('E'), tiny, 'NL', '210000000'), evidenceLevel: 1, reasons: [evidence] },
    ],
  }
}

function answering(status: number, body: unknown): Disposable {
  const before = answer
  answer = () => ({ status, body })
  return {
    [Symbol.dispose]: () => {
      answer = before
    },
  }
}

async function open(path: string, options: BrowserContextOptions = {}, go = true) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
    ...options,
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  if (go) await page.goto(`${web.url}${path}`)
  return {
    page,
    assertQuiet: () => assert.deepEqual(complaints, []),
    [Symbol.asyncDispose]: () => context.close(),
  }
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.evaluate('document.fonts.ready.then(() => undefined)')
  await page.screenshot({ path: join(artifacts, `web-${name}.png`), fullPage: true })
}

function outputPrices(page: Page): Promise<string[]> {
  return page.getByTestId('offer').locator('td:nth-child(6)').allInnerTexts()
}

function background(page: Page): Promise<string> {
  return page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
}

/** What a change of tabs looks like to the page. */
async function show(page: Page, visible: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { value: ${!visible}, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  `)
}

async function buildIfStale(): Promise<void> {
  const index = join(site, 'build', 'index.html')
  const built = existsSync(index) ? (await stat(index)).mtimeMs : 0
  const sources = [join(site, 'vite.config.ts'), join(site, 'package.json')]
  for (const folder of ['src', 'static']) {
    const names = await readdir(join(site, folder), { recursive: true })
    sources.push(...names.map((name) => join(site, folder, name)))
  }
  const changed = await Promise.all(sources.map(async (path) => (await stat(path)).mtimeMs))
  if (Math.max(...changed) < built) return
  // The workspace's own tools, run by this Node: a shell's may be older.
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  await promisify(execFile)(process.execPath, [vite, 'build'], { cwd: site })
}
