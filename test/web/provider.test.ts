// From an idle machine to the first euro, on a whole network and in a real browser; what runs in the page is given as text.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareDataDir } from '@hanse/settlement/testing'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { Market, NETWORK } from '../../scripts/demo/market.ts'
import { freePort } from '../../scripts/demo/ports.ts'
import { hanse } from '../support/hanse.ts'
import { violations } from './axe.ts'
import { buildIfStale, Site } from './site.ts'

const HANSE = join(import.meta.dirname, '../../node/bin/hanse.mjs')
const EMAIL = 'ada@example.org'
const PASSWORD = 'an engine made of patience'
/** A loaded machine loads the model, too. */
const PATIENCE = { timeout: 90_000 }

const stack = new AsyncDisposableStack()
let market: Market
let site: Site
let folder = ''

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildIfStale(), 600_000)

beforeAll(async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'hanse-provider-pages-'))
  folder = stateDir
  stack.defer(() => rm(stateDir, { recursive: true, force: true }))
  await prepareDataDir(join(stateDir, 'settlement'))
  const port = await freePort(0)
  market = stack.use(
    await Market.start({
      stateDir,
      providers: [],
      settlementArgs: ['--web-origin', `http://127.0.0.1:${port}`],
    }),
  )
  await market.operator.topUp(market.tenant, 2_000n)
  const network = { name: NETWORK, bootstrap: [market.relayWebSocket] }
  site = stack.use(await Site.open({ settlementUrl: market.settlementUrl, port, network }))
}, 300_000)
afterAll(async () => await stack.disposeAsync())

test('a machine is linked by its own key, onboarded, paid, and its pages say what its own command says', {
  timeout: 400_000,
}, async () => {
  await using visit = await site.visit(undefined)
  const { page } = visit
  await signUp(page)
  await page.goto(`${site.web.url}/provider`)
  await page.getByRole('heading', { name: 'From the machine to money' }).waitFor()
  assert.deepEqual(await done(page), [])

  const peerId = await startNode()
  await linkByCommand(page)
  await page.getByTestId('node').waitFor(PATIENCE)
  await untilDone(page, ['linked', 'bound', 'offered'])
  assert.ok(!(await done(page)).includes('stripe'), 'nobody has been to Stripe')
  await looksWell(page)

  await onboard(page, peerId)
  await sayWhoWeAre(page)
  await page.goto(`${site.web.url}/provider`)
  // A payout account that Stripe has verified is evidence of the country as well.
  await untilDone(page, ['stripe', 'tax', 'trader', 'location', 'offered'])
  assert.ok(!(await done(page)).includes('paid'))

  const earned = await earn()
  await untilDone(page, ['paid'])
  await compareEarnings(page, earned)
  await lookAround(page)
  await letGo(page)
})

/** Somebody new, by the mail and without an organization. */
async function signUp(page: Page): Promise<void> {
  await page.goto(`${site.web.url}/sign-up`)
  await page.getByLabel('E-mail address').fill(EMAIL)
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign up' }).click()
  await page.getByRole('heading', { name: 'Look into your mail' }).waitFor()
  await page.goto(await mailed('/verify-email'))
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Confirm and sign in' }).click()
  await page.getByRole('link', { name: 'To the account' }).waitFor()
}

/** The machine with the GPU; nobody follows the link to Stripe that it prints. @returns its peer id */
async function startNode(): Promise<string> {
  const to = ['--bootstrap', market.relayAddress, '--settlement-url', market.settlementUrl]
  const prices = ['--country', 'DE', '--input-price', '6', '--output-price', '25']
  const rest = ['--engine', 'builtin', '--statement-every-ms', '1000']
  const args = [HANSE, 'provider', '--json', '--network', NETWORK, '--data-dir', nodeFolder()]
  const node = market.spawn('box', [...args, ...to, ...prices, ...rest], {}, folder)
  const [ready] = await Promise.all([node.event('ready'), node.event('onboarding')])
  return String(ready.peerId)
}
const nodeFolder = () => join(folder, 'box')

/** Runs what the page shows, on the machine. */
async function linkByCommand(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Make a code' }).click()
  const shown = await page.getByText(/^npx hanse provider link/u).innerText()
  assert.ok(shown.includes(`--owner ${EMAIL}`) && shown.includes(market.settlementUrl), shown)
  const args = shown.replaceAll(/\\\n/gu, ' ').trim().split(/\s+/u).slice(2)
  // Somebody else's address on the same code is refused, and the code is still good afterwards.
  const other = args.map((arg) => (arg === EMAIL ? 'eve@example.org' : arg))
  const refused = await asNode(other)
  assert.equal(refused.code, 1, refused.stderr)
  assert.match(refused.stderr, /HANSE_NODE_CODE_INVALID/u)
  const linked = await asNode(args)
  assert.equal(linked.code, 0, linked.stderr)
  assert.match(linked.stdout, new RegExp(`^${EMAIL}, since `, 'u'))
  assert.equal((await asNode(args)).code, 1, 'a code serves once')
}

const asNode = (args: readonly string[]) => hanse([...args, '--data-dir', nodeFolder()], folder)
const ask = (...args: string[]) =>
  asNode([...args, '--network', NETWORK, '--settlement-url', market.settlementUrl])

async function onboard(page: Page, peerId: string): Promise<void> {
  await page.getByTestId('steps').getByRole('link', { name: 'Payout account' }).click()
  await page.getByTestId('payout-account').getByText('Not ready yet').waitFor()
  await looksWell(page)
  await page.getByRole('button', { name: 'Go on at Stripe' }).click()
  // Stripe's double takes the visit for a finished onboarding, and leads back.
  await page.waitForURL(`${site.web.url}/provider/payouts?node=${peerId}`)
  await page.getByTestId('payout-account').getByText('Can be paid').waitFor()
}

async function sayWhoWeAre(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Tax and trader data' }).click()
  const tax = page.locator('form').first()
  await tax.getByLabel('Name', { exact: true }).fill('Ada GmbH')
  await tax.getByLabel('Street and number').fill('Hafen 1')
  await tax.getByLabel('Postal code').fill('20457')
  await tax.getByLabel('City').fill('Hamburg')
  await tax.getByLabel(/^VAT ID/u).fill('DE 123 456 789')
  await tax.getByLabel(/The service may write my invoices/u).check()
  await looksWell(page)
  await tax.getByRole('button', { name: 'Save' }).click()

  await page.getByLabel('Telephone').fill('+49 40 123456')
  await page.getByLabel('E-mail for consumers').fill('kontor@example.org')
  await page.getByLabel('Tax identification number').fill('22/123/45678')
  await page.getByLabel(/I offer only services/u).check()
  await page.locator('form').nth(1).getByRole('button', { name: 'Save' }).click()
  await page.getByTestId('trader').getByText('Said, not looked at yet').waitFor()
  await looksWell(page)
  const told = await ask('tax-profile', '--json')
  assert.equal(JSON.parse(told.stdout).profile.vatId, 'DE123456789')
  assert.equal(JSON.parse((await ask('trader', '--json')).stdout).state, 'declared')
}

/** One answer, bought and settled. @returns what the node's own command says of it, once that stands still */
async function earn(): Promise<{ payable: bigint }> {
  await market.untilListed(market.gatewayUrl, 1)
  const body = {
    model: 'hanse/tiny-v1:f16',
    messages: [{ role: 'user', content: 'Tell me of a ship.' }],
    max_tokens: 24,
  }
  const answer = await fetch(`${market.gatewayUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.equal(answer.status, 200, await answer.text())
  for (let tries = 0; tries < 120; tries++) {
    const { stdout, stderr, code } = await ask('earnings', '--json')
    assert.equal(code, 0, stderr)
    const { payable, heldBack, inTransit, debt } = JSON.parse(stdout)
    assert.deepEqual([heldBack, inTransit, debt], ['0', '0', '0'])
    if (BigInt(payable) > 0n) return { payable: BigInt(payable) }
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  assert.fail('nothing was earned')
}

async function compareEarnings(page: Page, { payable }: { payable: bigint }): Promise<void> {
  await page.getByRole('link', { name: 'Earnings', exact: true }).first().click()
  await page.waitForURL(`${site.web.url}/provider/earnings`)
  const owed = page.getByTestId('money').locator('dd').first().getByRole('button')
  await owed.waitFor()
  assert.equal(await owed.getAttribute('data-hint'), exact(payable))
  await page.getByText('The first €5 are never held back.').waitFor()
  await looksWell(page)
}

/** The other pages, each with what there is to say of a node with one job. */
async function lookAround(page: Page): Promise<void> {
  for (const [link, heading, text] of [
    ['Statements', 'Statements', 'No documents yet'],
    ['Location', 'Location', '3 of 4'],
    ['Service levels', 'Service levels', 'Nothing speaks against this node.'],
    ['Price advice', 'Price advice', 'Nobody else in your region offers this model now.'],
  ] as const) {
    await page
      .getByRole('navigation', { name: 'Provider pages' })
      .getByRole('link', { name: link })
      .click()
    await page.getByRole('heading', { level: 1, name: heading }).waitFor()
    await page.getByText(text).first().waitFor(PATIENCE)
    await looksWell(page)
  }
}

/** The node's key lets go of its owner, and the page has nothing more to show. */
async function letGo(page: Page): Promise<void> {
  const { stdout } = await ask('provider', 'links', '--json')
  assert.equal(JSON.parse(stdout).owners.length, 1)
  assert.equal((await ask('provider', 'unlink', EMAIL)).code, 0)
  await page.goto(`${site.web.url}/provider/earnings`)
  await page.getByText('No node is linked to you').waitFor()
  await looksWell(page)
}

const done = async (page: Page): Promise<string[]> => {
  await page.getByTestId('steps').waitFor(PATIENCE)
  return await page.evaluate<string[]>(
    `[...document.querySelectorAll('[data-step][data-done=true]')].map((one) => one.dataset.step)`,
  )
}

async function untilDone(page: Page, steps: readonly string[]): Promise<void> {
  for (const step of steps)
    await page.locator(`[data-step=${step}][data-done=true]`).waitFor(PATIENCE)
}

async function looksWell(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    assert.deepEqual(await violations(page), [], `${page.url()} ${colorScheme}`)
  }
}

/** All digits, as the page shows them: "€0.000125". */
function exact(amount: bigint): string {
  const digits = amount.toString().padStart(13, '0')
  const fraction = digits.slice(-12).replace(/0+$/u, '').padEnd(2, '0')
  return `€${digits.slice(0, -12)}.${fraction}`
}

/** Without a mail server an installation on the double writes its mails into its log. */
async function mailed(path: string): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const log = await readFile(join(folder, 'logs', 'settlement.log'), 'utf8')
    const links = log.match(/http:[^\s"\\]+#[\w-]+/gu) ?? []
    const link = links.findLast((one) => new URL(one).pathname === path)
    if (link !== undefined) return link
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`no mail with a link to ${path}`)
}
