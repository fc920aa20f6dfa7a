// What runs in the page is given as text: this program is checked without the types of a browser.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyBundle } from '@hanse/protocol'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { Market, NETWORK } from '../../scripts/demo/market.ts'
import { freePort } from '../../scripts/demo/ports.ts'
import { violations } from './axe.ts'
import { buildIfStale, Site } from './site.ts'

const stack = new AsyncDisposableStack()
let market: Market
let site: Site
let folder = ''

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildIfStale())

beforeAll(async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'hanse-paid-'))
  folder = stateDir
  stack.defer(() => rm(stateDir, { recursive: true, force: true }))
  const port = await freePort(0)
  market = stack.use(
    await Market.start({
      stateDir,
      providers: [
        { name: 'provider-de', country: 'DE', inputPrice: '60', outputPrice: '251.37' },
        { name: 'provider-fr', country: 'FR', inputPrice: '70', outputPrice: '260' },
      ],
      settlementArgs: ['--web-origin', `http://127.0.0.1:${port}`],
    }),
  )
  await market.operator.topUp(market.tenant, 2_000n)
  const network = { name: NETWORK, bootstrap: [market.relayWebSocket] }
  site = stack.use(await Site.open({ settlementUrl: market.settlementUrl, port, network }))
})
afterAll(async () => await stack.disposeAsync())

test('a page pays with an API key, and settlement books what its receipts say', async () => {
  await using visit = await site.visit('/playground')
  const { page } = visit
  await page.getByLabel('Longest answer').selectOption('64')
  // Nobody here gives strangers credit, and the page says so before anything is sent.
  await page.getByText('No provider that fits answers strangers at this length.').waitFor()
  await page.getByLabel('Paid from').selectOption('key')
  await page.getByLabel('API key', { exact: true }).fill(market.tenant.apiKey)
  await page.getByRole('button', { name: 'Use it' }).click()
  // A payout account stands behind the provider's country.
  await page.getByText('2 offers fit.').waitFor()
  const box = page.getByLabel('Your prompt')
  await box.fill('Tell me a story about a baker and a cat.')
  await box.press('Enter')
  const check = page.getByTestId('tape').getByRole('link', { name: 'Check it' })
  await check.waitFor()
  assert.match(await page.getByTestId('tape').innerText(), /Evidence\s+3 of 4/u)

  await assertBooked(await hrefOf(check))
})

test('who is signed in pays with their organization, and two providers answer side by side', async () => {
  await using visit = await site.visit(undefined)
  const { page } = visit
  await signUp(page)
  await page.goto(`${site.web.url}/playground`)
  await page.getByLabel('Longest answer').selectOption('64')
  await page.getByLabel('Paid from').selectOption('session')
  await page.getByText('2 offers fit.').waitFor()
  await page.getByLabel('Compare two providers').check()
  const box = page.getByLabel('Your prompt')
  await box.fill('Tell me a story about a baker and a cat.')
  await box.press('Enter')
  const tapes = page.getByTestId('tape')
  const countries: string[] = []
  for (const tape of await tapes.all()) {
    const check = tape.getByRole('link', { name: 'Check it' })
    await check.waitFor()
    countries.push(await assertBooked(await hrefOf(check)))
  }
  assert.deepEqual(countries.toSorted(), ['DE', 'FR'])
  assert.deepEqual(await violations(page), [])
})

const hrefOf = async (link: Locator): Promise<string> => (await link.getAttribute('href')) ?? ''

/** A bundle in a link verifies, and settlement has booked what its receipts say. @returns where it was answered */
async function assertBooked(link: string): Promise<string> {
  const bundle = Buffer.from(link.split('#bundle=')[1] ?? '', 'base64url')
  const trusted = [market.settlementPeerId]
  const { verified, summary } = verifyBundle(new Uint8Array(bundle), {
    network: NETWORK,
    attestors: trusted,
    settlements: trusted,
  })
  assert.ok(verified)
  const amount = summary?.amount ?? 0n
  assert.ok(amount > 0n)
  const booked = await bookedFor(market, summary?.session ?? '')
  assert.equal(booked, amount)
  assert.ok((await market.operator.checkLedger()).balanced)
  return summary?.country ?? ''
}

/** Somebody new, with an organization and its trial's credit. */
async function signUp(page: Page): Promise<void> {
  const account = { email: 'grace@example.org', password: 'a compiler made of patience' }
  const post = async (path: string, data: object) => {
    const headers = { origin: site.web.url }
    const answer = await page.request.post(`${market.settlementUrl}${path}`, { data, headers })
    assert.ok(answer.ok(), await answer.text())
  }
  await post('/v1/sign-up', { ...account, name: 'Grace' })
  const token = await mailedToken(join(folder, 'logs', 'settlement.log'))
  await post('/v1/verify-email', { token, password: account.password })
  await post('/v1/organizations', { name: 'Compiler Works GmbH', lawfulBasis: 'contract' })
}

/** Without a mail server an installation on the double writes its mails into its log. */
async function mailedToken(log: string): Promise<string> {
  for (const until = Date.now() + 60_000; Date.now() < until; ) {
    const [, token] = /\/verify-email#([\w-]+)/u.exec(await readFile(log, 'utf8')) ?? []
    if (token !== undefined) return token
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('no mail has come')
}

/** What settlement has booked of a session once it has its last receipt, pico-euro. */
async function bookedFor(market: Market, session: string): Promise<bigint> {
  for (const until = Date.now() + 60_000; Date.now() < until; ) {
    const response = await fetch(`${market.settlementUrl}/v1/receipts/${session}`)
    if (response.ok) {
      const { amount, final } = (await response.json()) as { amount: string; final: string | null }
      if (final !== null) return BigInt(amount)
    }
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error('settlement has booked nothing')
}
