// What runs in the page is given as text: this program is checked without the types of a browser.
import assert from 'node:assert/strict'
import type { Page, WebSocketRoute } from 'playwright-core'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { violations } from './axe.ts'
import { manyProviders, POPULAR, someProviders } from './paper-offers.ts'
import { MarketSite } from './peer-sites.ts'
import { Site, type Visit } from './site.ts'

/** What fits the table's height, and what is made beyond its edges. */
const ROWS_MAX = 60

describe('a market of eight providers', () => {
  let lab: MarketSite

  beforeAll(async () => {
    lab = await MarketSite.open(someProviders())
  })
  afterAll(async () => await lab?.[Symbol.asyncDispose]())

  test('is found by the page itself, in the DHT, without an offer that somebody else signed', async () => {
    await using visit = await joined(lab.site)
    const { page } = visit
    await page.getByText('24 offers of 8 providers').waitFor()
    assert.equal(await page.getByText('forged/offer:q4').count(), 0)
    assert.match(await page.getByTestId('joined').innerText(), /paper/u)
    // The gateway that other pages ask had no part in it.
    assert.equal(lab.site.asked, 0)
    visit.assertQuiet()
  })

  test('is sorted by price, and by each other column; the dear, the slow and the full come last', async () => {
    await using visit = await joined(lab.site)
    const { page } = visit
    const grid = page.getByRole('grid')
    const header = grid.getByRole('columnheader', { name: 'Output' })
    assert.equal(await header.getAttribute('aria-sort'), 'ascending')
    const ascending = await column(page, 5)
    assert.deepEqual(ascending, ascending.toSorted(byNumber))
    await header.getByRole('button').click()
    assert.equal(await header.getAttribute('aria-sort'), 'descending')
    const descending = await column(page, 5)
    assert.deepEqual(
      descending,
      descending.toSorted((a, b) => byNumber(b, a)),
    )
    assert.notDeepEqual(ascending, descending)
    for (const name of ['Model', 'Provider', 'Country', 'Evidence', 'Input', 'Slots', 'Context']) {
      const other = grid.getByRole('columnheader', { name })
      await other.getByRole('button').focus()
      await page.keyboard.press('Enter')
      assert.match((await other.getAttribute('aria-sort')) ?? '', /ending$/u, name)
    }
    // Prices begin with the lowest, also here.
    await grid.getByRole('columnheader', { name: 'Input' }).getByRole('button').click()
    const inputs = await column(page, 4)
    assert.deepEqual(inputs, inputs.toSorted(byNumber))
  })

  test('is narrowed by model, region, price, speed, evidence and free slots, and widened again', async () => {
    await using visit = await joined(lab.site)
    const { page } = visit
    const form = page.getByRole('form', { name: 'Filters' })
    await form.getByLabel('Model').selectOption(POPULAR)
    await found(page, '8 of 24 offers')
    await form.getByLabel('Country').selectOption('EU')
    await found(page, '6 of 24 offers')
    await form.getByLabel('Evidence').selectOption('3')
    // DE, NL and PL have a payout account; US is outside.
    await found(page, '3 of 24 offers')
    assert.deepEqual((await column(page, 2)).toSorted(), ['DE', 'NL', 'PL'])
    await form.getByLabel('With a free slot').check()
    await found(page, '1 of 24 offers')
    assert.deepEqual(await column(page, 2), ['NL'])
    await form.getByLabel('Speed at least').fill('100')
    await page.getByText('No offer matches these filters').waitFor()
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await page.getByText('24 offers of 8 providers').waitFor()
    await form.getByLabel('Output at most').fill('0.35')
    await found(page, /^\d+ of 24 offers$/u)
    for (const price of await column(page, 5)) assert.ok(Number(price) <= 0.35, price)
    await form.getByLabel('Output at most').fill('cheap')
    await page.getByText('Not a number').waitFor()
  })

  test('draws how deep it is, and says so in numbers', async () => {
    await using visit = await joined(lab.site)
    const { page } = visit
    const depth = page.getByRole('region', { name: `Depth of the market: ${POPULAR}` })
    await depth.locator('svg path[stroke-dasharray]').waitFor()
    await depth.getByText('Show as a table').click()
    const rows = depth.getByRole('table').getByRole('row')
    assert.equal(await rows.count(), 9, 'a header, and a price of each provider')
    assert.match(await rows.nth(1).innerText(), /^0\.35\s+0\s+2$/u)
    assert.match(await rows.last().innerText(), /\s11\s+30$/u)
  })

  test('leads to each provider, where every signature is shown with what it says', async () => {
    await using visit = await joined(lab.site)
    const { page } = visit
    await page.getByLabel('Country').selectOption('NL')
    await page.getByRole('gridcell').getByRole('link').first().click()
    await page.getByRole('heading', { level: 1, name: /^Provider/u }).waitFor()
    const provider = new URL(page.url()).searchParams.get('id') ?? ''
    assert.ok(lab.market.providers.includes(provider))
    const lines = await page.getByTestId('signatures').innerText()
    assert.match(lines, /Offer, signed by the provider\s+Signature is good/u)
    assert.match(lines, /Attestation of level 3: Netherlands/u)
    assert.match(lines, /payout account that Stripe verified/u)
    await page.getByText('2 signatures checked in this page').waitFor()
    await page.getByRole('img', { name: /land of Netherlands/u }).waitFor()
    await drawn(page)
    const link = page.getByRole('link', { name: 'Try it' }).first()
    assert.match((await link.getAttribute('href')) ?? '', new RegExp(`provider=${provider}`, 'u'))
  })

  test('shows the circles that measured round trips leave, each checked against its attestation', async () => {
    const tripsOf = (provider: string) => lab.market.pings.get(provider)?.length ?? 0
    const [measured = '', other = ''] = lab.market.providers.toSorted(
      (a, b) => tripsOf(b) - tripsOf(a),
    )
    const pings = lab.market.pings.get(measured) ?? []
    {
      await using visit = await lab.site.visit(`/market/provider?id=${measured}`)
      await visit.page.getByRole('img', { name: /with 2 circles/u }).waitFor()
      await visit.page.getByText('2 landmarks').waitFor()
      await visit.page.getByText('A private person, who is no trader').waitFor()
    }
    // Measurements of somebody else, and others than those cited, draw nothing.
    lab.market.pings.set(other, pings)
    await using visit = await lab.site.visit(`/market/provider?id=${other}`)
    await visit.page.getByRole('img', { name: /No round trips were published/u }).waitFor()
  })

  test('is walked by keys alone, from the filters to a provider', async () => {
    await using visit = await joined(lab.site)
    const { page } = visit
    await page.getByRole('gridcell').first().focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowRight')
    assert.equal(await page.evaluate(`document.activeElement?.dataset.place`), '1-1')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: /^Provider/u }).waitFor()
    await page.getByRole('link', { name: 'Market' }).first().waitFor()
  })

  test('has nothing that axe finds, in either scheme and language, and fits a phone', async () => {
    for (const path of ['/market', `/de/market/provider?id=${lab.market.providers[0]}`]) {
      await using visit = await lab.site.visit(path)
      const { page } = visit
      await page.getByTestId(path.includes('provider') ? 'signatures' : 'found').waitFor()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        assert.deepEqual(await violations(page), [], `${path} ${colorScheme}`)
      }
      await page.setViewportSize({ width: 360, height: 740 })
      const [content, width] = await page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      )
      assert.equal(content, width, path)
    }
  })

  test('says that the network is gone, keeps what it had read, and joins again by itself', async () => {
    await using visit = await lab.site.visit(undefined)
    const { page } = visit
    const wire = await cuttable(page)
    await page.goto(`${lab.site.web.url}/market`)
    await found(page, /of 8 providers$/u)
    await wire.cut()
    await page.getByText('You are offline').waitFor()
    await found(page, /of 8 providers$/u)
    assert.equal(await page.getByTestId('joined').count(), 0)
    const before = wire.dialed
    await wire.mend()
    await page.getByTestId('joined').waitFor({ timeout: 60_000 })
    assert.equal(await page.getByText('You are offline').count(), 0)
    assert.ok(wire.dialed > before, 'the page has dialed anew')
  })

  test('joins with a policy that other pages do not have', async () => {
    const policyOf = async (path: string) =>
      (await fetch(`${lab.site.web.url}${path}`)).headers.get('content-security-policy') ?? ''
    for (const path of ['/market', '/de/market', '/playground', '/market/provider?id=x']) {
      assert.match(await policyOf(path), /connect-src [^;]*wss: ws:(?:;|$)/u, path)
      assert.doesNotMatch(await policyOf(path), /script-src[^;]*unsafe/u, path)
    }
    for (const path of ['/', '/pricing', '/sign-in', '/marketplace'])
      assert.doesNotMatch(await policyOf(path), /wss?:/u, path)
    // A page that was opened with the narrow policy, and goes on to the market by a link.
    await using visit = await lab.site.visit('/verify')
    const { page } = visit
    await page
      .getByRole('navigation', { name: 'Main' })
      .getByRole('link', { name: 'Market' })
      .click()
    await page.getByTestId('found').waitFor()
    visit.assertQuiet()
  })
})

describe('a market of 512 offers', () => {
  let lab: MarketSite

  beforeAll(async () => {
    lab = await MarketSite.open(manyProviders())
  })
  afterAll(async () => await lab?.[Symbol.asyncDispose]())

  // How soon it answers is measured by `npm run bench:web`.
  test('has the rows in sight in the page, shows those that a filter leaves, and scrolls through all', async () => {
    await using visit = await joined(lab.site)
    const { page } = visit
    await page.getByText('512 offers of 16 providers').waitFor()
    const grid = page.getByRole('grid')
    const form = page.getByRole('form', { name: 'Filters' })
    assert.equal(await grid.getAttribute('aria-rowcount'), '513')
    assert.ok((await grid.getByRole('row').count()) < ROWS_MAX)
    await form.getByLabel('Model').selectOption('m/7')
    await found(page, '16 of 512 offers')
    assert.deepEqual(new Set(await column(page, 0)), new Set(['m/7']))
    await form.getByLabel('Model').selectOption('')
    await form.getByLabel('Country').selectOption('US')
    await found(page, '64 of 512 offers')
    assert.equal(await grid.getAttribute('aria-rowcount'), '65')
    assert.deepEqual(new Set(await column(page, 2)), new Set(['US']))
    assert.ok((await grid.getByRole('row').count()) < ROWS_MAX)
    await form.getByLabel('Country').selectOption('')
    await found(page, '512 offers of 16 providers')
    await grid.getByRole('gridcell').first().focus()
    await page.keyboard.press('End')
    await grid.locator('[role=row][aria-rowindex="513"] [role=gridcell]:focus').waitFor()
    assert.ok((await grid.getByRole('row').count()) < ROWS_MAX)
  })
})

describe('a page that cannot join', () => {
  test('says that the site names no network, and what its operator does', async () => {
    await using site = await Site.open()
    await using visit = await site.visit('/market')
    await visit.page.getByText('This site names no network to join.').waitFor()
    await visit.page.getByText('NO_NETWORK').waitFor()
  })

  test('says that no peer answers, and that it is offline when it is', async () => {
    await using lab = await MarketSite.open([])
    const bootstrap = [`${lab.market.bootstrap.replace(/\/tcp\/\d+/u, '/tcp/1')}`]
    await using site = await Site.open({ network: { name: 'paper', bootstrap } })
    await using visit = await site.visit('/market')
    const { page } = visit
    await page.getByText('No peer answers').waitFor({ timeout: 60_000 })
    await page.context().setOffline(true)
    await page.getByText('You are offline').waitFor()
  })

  test('tells a network without providers from one that does not answer', async () => {
    await using lab = await MarketSite.open([])
    await using visit = await lab.site.visit('/market')
    await visit.page.getByText('No offers at the moment').waitFor({ timeout: 60_000 })
    await visit.page.getByText(/none of them knows of a provider/u).waitFor()
  })
})

/** All lines of a page, to be cut at once: a browser that is told to be offline keeps the sockets that it has. */
async function cuttable(page: Page) {
  const lines = new Set<WebSocketRoute>()
  let isCut = false
  const wire = {
    dialed: 0,
    cut: async () => {
      isCut = true
      await page.context().setOffline(true)
      await Promise.all([...lines].map((line) => line.close()))
      lines.clear()
    },
    mend: async () => {
      isCut = false
      await page.context().setOffline(false)
    },
  }
  await page.routeWebSocket(/.*/u, (line) => {
    if (isCut) return void line.close()
    wire.dialed += 1
    lines.add(line)
    line.connectToServer()
  })
  return wire
}

/** A visit to the market that has found its offers. */
async function joined(site: Site): Promise<Visit> {
  const visit = await site.visit('/market')
  // Providers answer one after the other.
  await found(visit.page, /of (8|16) providers$/u)
  return visit
}

async function found(page: Page, text: string | RegExp): Promise<void> {
  await page.getByTestId('found').filter({ hasText: text }).waitFor()
}

/** What a column shows, of the rows in sight. */
async function column(page: Page, at: number): Promise<string[]> {
  // Rows are positioned, and in the page in any order.
  const cells = await page.evaluate<{ row: number; text: string }[]>(`
    [...document.querySelectorAll('[role=gridcell][data-place$="-${at}"]')].map((cell) => ({
      row: Number(cell.dataset.place.split('-')[0]),
      text: (cell.querySelector('button, [title]') ?? cell).firstChild.textContent.trim(),
    }))
  `)
  return cells.toSorted((a, b) => a.row - b.row).map(({ text }) => text)
}

const byNumber = (a: string, b: string) => Number(a) - Number(b)

/** Waits until the map shows anything in the colour of the country. */
async function drawn(page: Page): Promise<void> {
  // Not `waitForFunction`, which makes code from text: the page's policy refuses that.
  for (const until = Date.now() + 20_000; Date.now() < until; ) {
    const found = await page.evaluate<boolean>(`(() => {
      const canvas = document.querySelector('canvas')
      if (!canvas?.width) return false
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      for (let at = 0; at < data.length; at += 4)
        if (data[at] === 0x14 && data[at + 1] === 0x50 && data[at + 2] === 0x7f) return true
      return false
    })()`)
    if (found) return
  }
  assert.fail('the country is not on the map')
}
