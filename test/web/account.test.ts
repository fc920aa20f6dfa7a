// What a consumer does on the first day, on a whole network and in a real browser.
import assert from 'node:assert/strict'
import { exec } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startWeb, type Web } from '@hanse/marketplace-web/server'
import { prepareDataDir } from '@hanse/settlement/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { Market, NETWORK } from '../../scripts/demo/market.ts'
import { buildWeb, WEB_BUILD } from '../../scripts/demo/web.ts'
import { launchChromium } from '../support/chromium.ts'
import { violations } from './axe.ts'
import { freePort } from './free-port.ts'

const HANSE = join(import.meta.dirname, '../../node/bin/hanse.mjs')
const EMAIL = 'grace@example.org'
const PASSWORD = 'a compiler made of patience'
const NAME = 'Compiler Works GmbH'

let stateDir = ''
let market: Market
let web: Web
let browser: Browser
let gatewayPort = 0

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildWeb(() => {}))

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'hanse-account-'))
  await prepareDataDir(join(stateDir, 'settlement'))
  const webPort = await freePort()
  gatewayPort = await freePort()
  market = await Market.start({
    stateDir,
    providers: [{ name: 'de', country: 'DE', inputPrice: '6', outputPrice: '25' }],
    settlementArgs: ['--web-origin', `http://127.0.0.1:${webPort}`],
  })
  web = await startWeb({
    directory: WEB_BUILD,
    port: webPort,
    gatewayUrl: `http://127.0.0.1:${gatewayPort}`,
    settlementUrl: market.settlementUrl,
  })
  browser = await launchChromium()
})

afterAll(async () => {
  await browser?.close()
  await web?.close()
  await market?.[Symbol.asyncDispose]()
  await rm(stateDir, { recursive: true, force: true })
})

test('from signing up to the first receipt, a budget and an invoice', async () => {
  const page = await browser.newPage({ acceptDownloads: true })
  await signUp(page)
  const key = await found(page)
  const command = await startGateway(page, key)
  const { stdout } = await promisify(exec)(command)
  const { choices, usage } = JSON.parse(stdout)
  assert.ok(choices?.[0]?.message.content.length > 0, stdout)

  // The page looks by itself.
  const first = page.getByTestId('first-receipt')
  await first.waitFor({ timeout: 60_000 })
  const tokens = usage.prompt_tokens + usage.completion_tokens
  assert.match(await first.innerText(), new RegExp(`^${tokens} tokens for €0\\.\\d+\\.`, 'u'))
  assert.deepEqual(await violations(page), [])

  await first.getByRole('link', { name: 'Look at the receipt' }).click()
  await page.getByRole('gridcell').first().press('Enter')
  const receipt = page.getByRole('dialog')
  const paid = await settled(key)
  await receipt.getByText(paid.session).first().waitFor()
  await receipt.getByText(exact(BigInt(paid.amount)), { exact: true }).waitFor()
  assert.deepEqual(await violations(page), [])
  await page.keyboard.press('Escape')

  await setBudget(page)
  await topUpAndSaveInvoice(page)
  await page.context().close()
})

test('who is not signed in is sent to the form, and comes back to where they were', async () => {
  const page = await browser.newPage()
  await page.goto(`${web.url}/account/budgets`)
  await page.waitForURL(/\/sign-in\?next=/u)
  await page.getByLabel('E-mail address').fill(EMAIL)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${web.url}/account/budgets`)
  await page.getByRole('heading', { level: 1, name: 'Budgets' }).waitFor()
  await page.getByText('Everything we spend').waitFor()

  // Another place to go to than this site is none.
  await page.goto(`${web.url}/sign-in?next=${encodeURIComponent('//example.org/')}`)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('E-mail address').fill(EMAIL)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${web.url}/account`)
  await page.context().close()
})

test('another address is confirmed by the link of its mail', async () => {
  const page = await browser.newPage()
  await page.goto(`${web.url}/sign-in`)
  await page.getByLabel('E-mail address').fill(EMAIL)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${web.url}/account`)
  await page.goto(`${web.url}/account/security`)
  await page.getByLabel('New address').fill('hopper@example.org')
  await page.getByRole('button', { name: 'Send the link' }).click()
  await page.getByText('Look into the mail of hopper@example.org').waitFor()

  await page.goto(await mailed('/change-email'))
  await page.getByRole('button', { name: 'Use this address' }).click()
  await page.getByRole('heading', { name: 'Your address is hopper@example.org' }).waitFor()
  assert.equal(new URL(page.url()).hash, '', 'the token stays in no history')
  assert.deepEqual(await violations(page), [])
  await page.context().close()
})

async function signUp(page: Page): Promise<void> {
  await page.goto(`${web.url}/sign-up`)
  await page.getByLabel('E-mail address').fill(EMAIL)
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign up' }).click()
  await page.getByRole('heading', { name: 'Look into your mail' }).waitFor()
  await page.goto(await mailed('/verify-email'))
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Confirm and sign in' }).click()
  await page.getByRole('link', { name: 'To the account' }).click()
}

/** @returns the first key, as the page shows it once */
async function found(page: Page): Promise<string> {
  await page.getByLabel('Name of the organization').fill(NAME)
  await page.getByLabel(/^Lawful basis/u).selectOption('contract')
  await page.getByRole('button', { name: 'Make the organization' }).click()
  await page.getByText('€1.00 available.').waitFor()
  const shown = await page.getByText(/^hanse_[\w-]+$/u).innerText()
  assert.deepEqual(await violations(page), [])
  return shown
}

/** @returns the request that the page shows, once it has seen the gateway */
async function startGateway(page: Page, key: string): Promise<string> {
  const line = await page.getByText('npx hanse gateway').innerText()
  assert.ok(line.includes(key) && line.includes(market.settlementUrl), line)
  const args = ['gateway', '--json', '--network', NETWORK, '--data-dir', join(stateDir, 'mine')]
  const to = ['--bootstrap', market.relayAddress, '--settlement-url', market.settlementUrl]
  const more = ['--port', String(gatewayPort), '--lawful-basis', 'legitimate-interests']
  const env = { HANSE_SETTLEMENT_API_KEY: key }
  const gateway = market.spawn('mine', [HANSE, ...args, ...to, ...more], env, stateDir)
  await gateway.event('ready')
  await page.getByText(/with 1 models on offer/u).waitFor({ timeout: 60_000 })
  return await page.getByText(/^curl http/u).innerText()
}

async function setBudget(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Budgets', exact: true }).click()
  await page.getByRole('button', { name: 'New budget' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Everything we spend')
  await dialog.getByLabel('Amount').fill('ten')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText('Write an amount in euro, such as 250 or 0.50.').waitFor()
  await dialog.getByLabel('Amount').fill('10,50')
  assert.deepEqual(await violations(page), [])
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByText(/of €10\.50$/u).waitFor()
}

async function topUpAndSaveInvoice(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Billing', exact: true }).click()
  await page.getByLabel('Amount, VAT included').fill('12.34')
  await page.getByRole('button', { name: 'Pay at Stripe' }).click()
  await page.getByText('Total: 12.34 EUR').waitFor()
  await page.getByLabel('Payment method').selectOption('pm_card_bypassPending')
  await page.getByRole('button', { name: 'Pay' }).click()
  await page.getByText('Thank you. The balance grows').waitFor()
  const invoice = page.getByRole('button', { name: /^Save INV-\d{4}-\d{6} as PDF$/u })
  for (let tries = 0; tries < 30 && (await invoice.count()) === 0; tries++) {
    await runJob('documents')
    await page.reload()
    await invoice.waitFor({ timeout: 2_000 }).catch(() => {})
  }
  const [file] = await Promise.all([page.waitForEvent('download'), invoice.first().click()])
  const bytes = await readFile(await file.path())
  assert.match(file.suggestedFilename(), /^INV-\d{4}-\d{6}\.pdf$/u)
  assert.equal(bytes.subarray(0, 5).toString(), '%PDF-')
}

async function settled(key: string): Promise<{ session: string; amount: string }> {
  const headers = { authorization: `Bearer ${key}` }
  const answer = await fetch(`${market.settlementUrl}/v1/receipts`, { headers })
  const { receipts } = (await answer.json()) as { receipts: { session: string; amount: string }[] }
  assert.equal(receipts.length, 1)
  return receipts[0] ?? assert.fail()
}

/** All digits, as the page shows them: "€0.000125". */
function exact(amount: bigint): string {
  const digits = amount.toString().padStart(13, '0')
  const fraction = digits.slice(-12).replace(/0+$/u, '').padEnd(2, '0')
  return `€${digits.slice(0, -12)}.${fraction}`
}

async function runJob(name: string): Promise<void> {
  const { operatorToken } = JSON.parse(await readFile(join(stateDir, 'demo.json'), 'utf8'))
  const answer = await fetch(`${market.settlementUrl}/v1/admin/jobs/${name}/runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operatorToken}` },
  })
  assert.ok(answer.ok, await answer.text())
}

/** Without a mail server an installation on the double writes its mails into its log. */
async function mailed(path: string): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const log = await readFile(join(stateDir, 'logs', 'settlement.log'), 'utf8')
    const links = log.match(/http:[^\s"\\]+#[\w-]+/gu) ?? []
    const link = links.findLast((one) => new URL(one).pathname === path)
    if (link !== undefined) return link
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`no mail with a link to ${path}`)
}
