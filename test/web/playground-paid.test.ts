// What runs in the page is given as text: this program is checked without the types of a browser.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyBundle } from '@hanse/protocol'
import { afterAll, beforeAll, test } from 'vitest'
import { Market, NETWORK } from '../../scripts/demo/market.ts'
import { freePort } from '../../scripts/demo/ports.ts'
import { Site } from './site.ts'

const stack = new AsyncDisposableStack()
let market: Market
let site: Site

beforeAll(async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'hanse-paid-'))
  stack.defer(() => rm(stateDir, { recursive: true, force: true }))
  const port = await freePort(0)
  market = stack.use(
    await Market.start({
      stateDir,
      providers: [{ name: 'provider-de', country: 'DE', inputPrice: '60', outputPrice: '251.37' }],
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
  await page.getByText('One offer fits.').waitFor()
  const box = page.getByLabel('Your prompt')
  await box.fill('Tell me a story about a baker and a cat.')
  await box.press('Enter')
  const check = page.getByTestId('tape').getByRole('link', { name: 'Check it' })
  await check.waitFor()
  assert.match(await page.getByTestId('tape').innerText(), /Evidence\s+3 of 4/u)

  const link = (await check.getAttribute('href')) ?? ''
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
})

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
