// People and their accounts, against a settlement service as it is.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { afterAll, beforeAll, test } from 'vitest'
import { violations } from './axe.ts'
import { freePort } from './free-port.ts'
import { mailReader } from './mail-reader.ts'
import { Site } from './site.ts'

const EMAIL = 'ada@example.org'
const PASSWORD = 'a calculating engine of brass'
const NEW_PASSWORD = 'another engine, of oak this time'

let folder: string
let settlement: Settlement
let site: Site
const mails = mailReader()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-web-'))
  // The two name each other, so the site's port is chosen first.
  const port = await freePort()
  settlement = await openSettlement({
    dataDir: folder,
    network: 'test',
    webOrigin: `http://127.0.0.1:${port}`,
    logger: mails.logger,
  })
  site = await Site.open({ settlementUrl: settlement.url, port })
})

afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await settlement?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('a visitor reads the plans, and what a month costs here and elsewhere', async () => {
  await publishCards()
  await using visit = await site.visit('/pricing')
  const { page } = visit
  await page.getByRole('heading', { name: 'Professional' }).waitFor()
  await page.getByText('€110 of tokens each month, at the prices of the market').waitFor()
  await page.getByText('25% of what consumers pay').waitFor()
  await page.getByLabel('Model').selectOption('hanse/tiny-v1:f16')
  await page.getByLabel('Tokens read a month').fill('10')
  await page.getByLabel('Tokens written a month').fill('2')
  // 10 million tokens at 60 EUR and 2 million at 250 EUR a million.
  await page
    .getByRole('row', { name: /€1,100\.00/u })
    .first()
    .waitFor()
  const compared = page.getByLabel('Compare with')
  await compared.selectOption('Prices that I type')
  await page.getByLabel('Input, EUR/Mtok').fill('100')
  await page.getByLabel('Output, EUR/Mtok').fill('300')
  await page.getByText('Here it is €500.00 less a month, at the cheapest offer.').waitFor()
  // By a rate card that comes with the program: 10 × 1.25 and 2 × 10 dollars, which nobody has verified.
  await compared.selectOption('openai gpt-5')
  const elsewhere = page.getByTestId('elsewhere')
  await elsewhere.getByText('$32.50').waitFor()
  await elsewhere.getByText('not verified').waitFor()
  await page.getByText('Nobody has compared this price').waitFor()
  await page.getByLabel('One USD in euro').fill('0.8')
  await elsewhere.getByText('€26.00').first().waitFor()
  assert.deepEqual(await violations(page), [])
  visit.assertQuiet()
})

test('signing up, confirming by mail, signing out and in', async () => {
  await using visit = await site.visit('/sign-up')
  const { page } = visit
  await page.getByLabel('E-mail address').fill(EMAIL)
  await page.getByLabel('New password').fill('password1234')
  await page.getByRole('button', { name: 'Sign up' }).click()
  await page.getByText('This password is too short, or one that everybody would guess.').waitFor()
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign up' }).click()
  await page.getByRole('heading', { name: 'Look into your mail' }).waitFor()

  await page.goto(await mails.link('/verify-email'))
  // The token stays in no history: the page takes it out of its address as soon as it runs.
  await page.waitForURL(`${site.web.url}/verify-email`)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Confirm and sign in' }).click()
  await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor()

  await page.getByRole('link', { name: 'To the account' }).click()
  await page.getByRole('heading', { name: 'Name your organization' }).waitFor()
  await page.goto(`${site.web.url}/sign-in`)
  await page.getByText(`As ${EMAIL}.`).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('E-mail address').fill(EMAIL)
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByText('Address and password do not belong together.').waitFor()
  assert.deepEqual(await violations(page), [])
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${site.web.url}/account`)
})

test('a new password by mail, and a link that works once', async () => {
  await using visit = await site.visit('/reset-password')
  const { page } = visit
  await page.getByLabel('E-mail address').fill(EMAIL)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await page.getByRole('heading', { name: 'Look into your mail' }).waitFor()
  const link = await mails.link('/reset-password')
  for (const outcome of ['The password is set', 'This link is used up or too old.']) {
    await page.goto('about:blank')
    await page.goto(link)
    await page.getByLabel('New password').fill(NEW_PASSWORD)
    await page.getByRole('button', { name: 'Set the password' }).click()
    await page.getByText(outcome).first().waitFor()
  }
})

test('a link without its token says so', async () => {
  await using visit = await site.visit('/verify-email')
  await visit.page.getByText('This link is not whole').waitFor()
})

/** The rate cards that come with the program: a job publishes them in the first minute, or when it is told to. */
async function publishCards(): Promise<void> {
  const { url, operatorToken } = settlement
  const answer = await fetch(`${url}/v1/admin/jobs/rate-cards/runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operatorToken}` },
  })
  assert.equal(answer.status, 200)
}
