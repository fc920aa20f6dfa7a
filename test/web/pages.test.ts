// Every page of the build, in both languages.
import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { violations } from './axe.ts'
import { pagePaths, Site } from './site.ts'

let site: Site
let paths: string[]

beforeAll(async () => {
  site = await Site.open()
  paths = await pagePaths()
})

afterAll(() => site[Symbol.asyncDispose]())

test.each([
  ['English', false],
  ['German', true],
])(
  'axe finds nothing wrong with any %s page in either scheme, none scrolls sideways on a phone, and none asks a third party or breaks its policy',
  async (_, isGerman) => {
    const own = paths.filter((path) => /^\/de(?:\/|$)/u.test(path) === isGerman)
    assert.ok(own.length > 10, 'pages in this language')
    await using visit = await site.visit(undefined)
    const { page } = visit
    const hosts = new Set<string>()
    const refused: string[] = []
    page.on('request', (request) => hosts.add(new URL(request.url()).hostname))
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) refused.push(message.text())
    })
    for (const path of own) {
      await page.goto(`${site.web.url}${path}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.setViewportSize({ width: 390, height: 844 })
      const [content, width] = await page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      )
      assert.equal(content, width, `${path} scrolls sideways on a phone`)
      await page.setViewportSize({ width: 1280, height: 800 })
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        assert.deepEqual(await violations(page), [], `${path} ${colorScheme}`)
      }
    }
    assert.deepEqual(refused, [])
    // The worker of the verifier is started from its own address, and some data is in the style sheet.
    assert.deepEqual(
      [...hosts].filter((host) => host !== '127.0.0.1' && host !== ''),
      [],
    )
  },
)

describe('a page', () => {
  test('is in its language from the first byte, and its links stay in it', async () => {
    const german = await (await fetch(`${site.web.url}/de/pricing`)).text()
    assert.match(german, /<html lang="de">/u)
    assert.match(german, /Was ein Monat kosten würde/u)
    assert.match(german, /href="\/de\/market"/u)
    await using visit = await site.visit('/pricing')
    const { page } = visit
    await page.getByRole('link', { name: 'Deutsch' }).click()
    await page.getByRole('heading', { level: 1, name: 'Preise' }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/de/pricing')
    await page
      .getByRole('navigation', { name: 'Hauptmenü' })
      .getByRole('link', { name: 'Markt' })
      .click()
    await page.getByRole('heading', { level: 1, name: 'Markt' }).waitFor()
    assert.equal(await page.evaluate('document.documentElement.lang'), 'de')
  })

  test('has its title, its largest text and its description without a script', async () => {
    for (const path of paths.filter((path) => path !== '/404')) {
      const html = await (await fetch(`${site.web.url}${path}`)).text()
      assert.match(html, /<title>[^<]{8,}<\/title>/u, path)
      assert.match(html, /<meta name="description" content="[^"]{20,}"/u, path)
      assert.equal(html.match(/<h1/gu)?.length, 1, path)
      assert.match(
        html,
        /http-equiv="content-security-policy"[^>]*script-src 'self' 'sha256-/iu,
        path,
      )
      assert.doesNotMatch(html, /unsafe-inline/u, path)
    }
  })

  test('that others may find is in the site map, and robots find that', async () => {
    const map = await (await fetch(`${site.web.url}/sitemap.xml`)).text()
    const listed = [...map.matchAll(/<loc>(.*?)<\/loc>/gu)].map(([, url]) => url)
    for (const path of ['/', '/de', '/pricing', '/docs/sdk', '/de/docs/compliance'])
      assert.ok(listed.includes(`${site.web.url}${path}`), path)
    for (const path of ['/gallery', '/404', '/verify-email', '/reset-password'])
      assert.ok(!listed.includes(`${site.web.url}${path}`), path)
    const robots = await (await fetch(`${site.web.url}/robots.txt`)).text()
    assert.match(robots, new RegExp(`Sitemap: ${site.web.url}/sitemap.xml`, 'u'))
  })
})

test('a phone has a menu that opens, leads on, and closes by Escape', async () => {
  await using visit = await site.visit('/', { viewport: { width: 390, height: 800 } })
  const { page } = visit
  const button = page.getByRole('button', { name: 'Menu' })
  await page.waitForLoadState('networkidle')
  await button.click()
  await page.getByRole('link', { name: 'Verify' }).first().waitFor()
  await page.keyboard.press('Escape')
  assert.equal(await button.getAttribute('aria-expanded'), 'false')
  await button.click()
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Docs' }).click()
  await page.getByRole('heading', { level: 1, name: 'Docs' }).waitFor()
  assert.equal(await button.getAttribute('aria-expanded'), 'false')
})

test('a table of ten thousand rows makes those in sight, sorts, filters, and is walked by keys', async () => {
  await using visit = await site.visit('/gallery')
  const { page } = visit
  const grid = page.getByRole('grid', { name: 'Receipts' })
  await grid.getByRole('gridcell').first().waitFor()
  assert.ok((await grid.getByRole('row').count()) < 60)
  assert.equal(await grid.getAttribute('aria-rowcount'), '10001')
  const header = grid.getByRole('columnheader', { name: 'Tokens' })
  await header.getByRole('button').click()
  assert.equal(await header.getAttribute('aria-sort'), 'descending')
  await grid.getByRole('gridcell').first().focus()
  await page.keyboard.press('End')
  await page.waitForFunction(
    `document.activeElement?.closest('[role=row]')?.getAttribute('aria-rowindex') === '10001'`,
  )
  await page.keyboard.press('ArrowRight')
  assert.equal(await page.evaluate(`document.activeElement?.dataset.place`), '9999-1')
  await page.getByLabel('Filter: Receipts').fill('mistral refused')
  await page.getByText(/^\d+ of 10,000 rows$/u).waitFor()
  assert.ok((await grid.getByRole('gridcell').first().innerText()).length > 0)
})
