// What runs in the page is given as text: this program is checked without the types of a browser.
import assert from 'node:assert/strict'
import { startWeb } from '@hanse/marketplace-web/server'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { ARTIFACTS, Site } from './site.ts'

/** JS and CSS of the landing page, compressed, as the design asks. */
const firstLoadBytesMax = 100_000

let site: Site

beforeAll(async () => {
  site = await Site.open()
})

afterAll(() => site[Symbol.asyncDispose]())

test('the landing page says what Hanse is and shows live numbers', async () => {
  await using visit = await site.visit('/')
  const { page } = visit
  await page.getByRole('heading', { level: 1, name: /GPU inference, sold peer to peer/ }).waitFor()
  const live = page.getByTestId('live')
  await live.getByText('250.00').waitFor()
  const numbers = await live.innerText()
  assert.match(numbers, /Live offers\s+3\s/)
  assert.match(numbers, /Countries\s+2\s/)
  assert.match(numbers, /France, Germany|Germany, France/)
  visit.assertQuiet()
})

test('the landing page stays calm when no gateway answers', async () => {
  using _ = site.answering(500, { error: 'down' })
  await using visit = await site.visit('/')
  await visit.page.getByText('No gateway to ask.').waitFor()
  assert.match(await visit.page.getByTestId('live').innerText(), /not known/)
})

test('the first load of the landing page stays under 100 kB of compressed JS and CSS', async () => {
  await using visit = await site.visit(undefined)
  const { page } = visit
  const sizes: Promise<number>[] = []
  page.on('requestfinished', (request) => {
    if (!['script', 'stylesheet'].includes(request.resourceType())) return
    sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize))
  })
  await page.goto(`${site.web.url}/`, { waitUntil: 'networkidle' })
  const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  assert.ok(total > 10_000, `${total} bytes: nothing was measured`)
  assert.ok(total < firstLoadBytesMax, `${total} bytes`)
})

test('the landing page does not move while it loads', async () => {
  await using visit = await site.visit(undefined)
  await visit.page.goto(`${site.web.url}/`, { waitUntil: 'networkidle' })
  const shift = await visit.page.evaluate<number>(`new Promise((done) => {
    let sum = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) sum += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
    setTimeout(() => done(sum), 500)
  })`)
  assert.ok(shift < 0.02, `layout shift ${shift}`)
})

test('a hidden tab does not ask, and asks at once when it is seen again', async () => {
  await using visit = await site.visit('/')
  const { page } = visit
  await page.getByTestId('live').getByText('250.00').waitFor()
  await show(page, false)
  const before = site.asked
  // One period and a half: long enough for a refresh that should not come.
  await page.waitForTimeout(7_500)
  assert.equal(site.asked, before)
  await show(page, true)
  await page.waitForTimeout(500)
  assert.equal(site.asked, before + 1)
})

test('the dark theme is chosen by the visitor and kept', async () => {
  await using visit = await site.visit('/docs')
  const { page } = visit
  await page.waitForLoadState('networkidle')
  const light = await background(page)
  await page.getByRole('button', { name: 'Dark theme' }).click()
  const dark = await background(page)
  assert.notEqual(dark, light)
  await page.goto(`${site.web.url}/`)
  assert.equal(await background(page), dark)
  await page.getByTestId('live').getByText('250.00').waitFor()
  visit.assertQuiet()
})

test('on a phone pages fit without sideways scrolling', async () => {
  for (const path of ['/', '/pricing', '/de']) {
    await using visit = await site.visit(path, { viewport: { width: 360, height: 740 } })
    const { page } = visit
    await page
      .getByText(path === '/de' ? '250,00' : '250.00')
      .first()
      .waitFor()
    const [content, width] = await page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    )
    assert.equal(content, width, path)
  }
})

test('the first key press reaches the skip link, and the page has its landmarks', async () => {
  await using visit = await site.visit('/')
  const { page } = visit
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement?.textContent'), 'Skip to content')
  for (const role of ['banner', 'main', 'contentinfo'] as const) {
    assert.equal(await page.getByRole(role).count(), 1, role)
  }
  assert.equal(await page.getByRole('navigation', { name: 'Main' }).count(), 1)
})

test('the server sets its headers, caches by name and answers 404 with a page', async () => {
  const home = await fetch(`${site.web.url}/`)
  assert.equal(home.headers.get('cache-control'), 'no-cache')
  assert.equal(home.headers.get('x-content-type-options'), 'nosniff')
  const policy = home.headers.get('content-security-policy') ?? ''
  assert.match(policy, /script-src 'self' 'sha256-/)
  assert.doesNotMatch(policy, /script-src[^;]*unsafe/)
  const asset = /\/_app\/immutable\/[^"]+\.js/.exec(await home.text())?.[0]
  assert.ok(asset)
  const script = await fetch(`${site.web.url}${asset}`)
  assert.match(script.headers.get('cache-control') ?? '', /immutable/)
  const missing = await fetch(`${site.web.url}/no-such-page`)
  assert.equal(missing.status, 404)
  assert.match(missing.headers.get('content-type') ?? '', /text\/html/)
  await using visit = await site.visit('/no-such-page')
  await visit.page.getByRole('heading', { name: 'No page at this address' }).waitFor()
})

test('without a build the server says how to make one', async () => {
  const options = { port: 0, gatewayUrl: 'http://127.0.0.1:1', settlementUrl: 'http://127.0.0.1:1' }
  await assert.rejects(
    startWeb({ directory: ARTIFACTS, ...options }),
    /npm run build --workspace @hanse\/marketplace-web/,
  )
})

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
