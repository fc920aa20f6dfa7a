// What an auditor and a data protection officer do in an account, on some days of the demo organization.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { verifyPackage } from '@hanse/protocol'
import type { Download, Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { violations } from './axe.ts'
import { DemoAccount } from './demo-account.ts'
import { buildIfStale } from './site.ts'

/** Jobs of the service look every ten seconds. */
const MADE_MS = 60_000
/** Enough of each kind of event. */
const DAYS = 5
/** Days are lived one by one, with all signatures. */
const SEEDED_MS = 400_000
let demo: DemoAccount

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildIfStale())

beforeAll(async () => {
  demo = await DemoAccount.open(DAYS)
}, SEEDED_MS)

afterAll(() => demo?.[Symbol.asyncDispose]())

test('an event is found, and its proof is checked in the page', async () => {
  await using visit = await demo.site.visit(undefined)
  const { page } = visit
  await demo.signIn(page)
  await page.goto(`${demo.site.web.url}/account/audit`)
  const grid = page.getByRole('grid', { name: 'Audit trail' })
  await grid.getByRole('gridcell').first().waitFor()
  await page.getByLabel('Event', { exact: true }).selectOption('receipt-settled')
  await page.getByText('More filters').click()
  await page.getByLabel('Country (two letters)').fill('NL')
  await page.getByRole('button', { name: 'Search', exact: true }).click()
  await grid.getByText('Netherlands').first().waitFor()
  assert.equal(await grid.getByText('Germany').count(), 0)
  assert.equal(await grid.getByText('Trail looked at').count(), 0)
  assert.deepEqual(await violations(page), [])

  await grid.getByRole('gridcell').first().press('Enter')
  const proof = page.getByRole('dialog').getByTestId('proof')
  await proof.getByText('This event is in the log. Checked in this page.').waitFor()
  assert.equal(await proof.locator('[data-status=ok]').count(), 3)
  assert.equal(await proof.locator('[data-status=failed]').count(), 0)
  assert.deepEqual(await violations(page), [])
  visit.assertQuiet()
})

test('a service that shows something else than it logged is caught', async () => {
  await using visit = await demo.site.visit(undefined)
  const { page } = visit
  await demo.signIn(page)
  // The country of a session is told, and what was logged of it is its time and kind: those are changed.
  await page.route(/\/v1\/audit\/events\?/u, async (route) => {
    const answer = await route.fetch()
    const found = await answer.json()
    for (const event of found.events) event.at += 60_000
    await route.fulfill({ response: answer, json: found })
  })
  await page.goto(`${demo.site.web.url}/account/audit`)
  const grid = page.getByRole('grid', { name: 'Audit trail' })
  await grid.getByRole('gridcell').first().press('Enter')
  const proof = page.getByRole('dialog').getByTestId('proof')
  await proof.getByText('The proof does not hold. Do not rely on this event.').waitFor()
  assert.equal(await proof.locator('[data-status=failed]').count(), 1)
})

test('an evidence package is made, saved, and verifies without the service', async () => {
  await using visit = await demo.site.visit(undefined)
  const { page } = visit
  await demo.signIn(page)
  await page.goto(`${demo.site.web.url}/account/audit`)
  await page.getByRole('button', { name: 'Make a package' }).click()
  const packages = page.getByTestId('packages')
  await packages.getByText('ready').waitFor({ timeout: MADE_MS })
  const file = await saved(page, () => packages.getByRole('button', { name: 'Save' }).click())
  assert.match(file.suggestedFilename(), /^hanse-evidence-ap_[\w-]+\.zip$/u)
  const bytes = await readFile(await file.path())
  const { peerId } = demo.settlement
  const report = verifyPackage(bytes, { network: 'test', settlements: [peerId] })
  assert.equal(report.verified, true, JSON.stringify(report.checks, undefined, 1))
  await page.getByText(file.suggestedFilename()).waitFor()
  assert.deepEqual(await violations(page), [])
  visit.assertQuiet()
})

test('a request is sent and dated, an export is saved, and a basis is withdrawn and stated', async () => {
  await using visit = await demo.site.visit(undefined)
  const { page } = visit
  await demo.signIn(page)
  await page.goto(`${demo.site.web.url}/account/data-protection`)
  await page.getByText('stands', { exact: true }).waitFor()
  await page.getByLabel('What is wrong, and what should be there').fill('Our street is Kai 7.')
  await page.getByRole('button', { name: 'Send the request' }).click()
  const requests = page.getByTestId('requests')
  await requests.getByText('Rectification').waitFor()
  await requests.getByText('due', { exact: false }).waitFor()
  await requests.getByText('What happened').click()
  await requests.getByText('Our street is Kai 7.').waitFor()

  await page.getByRole('button', { name: 'Make an export' }).click()
  const exports = page.getByTestId('exports')
  await exports.getByText('ready').waitFor({ timeout: MADE_MS })
  const file = await saved(page, () => exports.getByRole('button', { name: 'Save' }).click())
  const content = gunzipSync(await readFile(await file.path())).toString('latin1')
  assert.ok(content.includes('index.json') && content.includes('Nordlicht Software GmbH'))

  const annex = page.getByRole('button', { name: /^PDF Technical annex/u })
  const paper = await saved(page, () => annex.click())
  assert.equal((await readFile(await paper.path())).subarray(0, 5).toString(), '%PDF-')

  await page.getByRole('button', { name: 'Withdraw it' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Withdraw it' }).click()
  await page.getByText('No lawful basis stands').waitFor()
  await page.getByLabel(/^Lawful basis for/u).selectOption('legitimate-interests')
  await page.getByRole('button', { name: 'State it' }).click()
  await page.getByText('stands', { exact: true }).waitFor()
  assert.deepEqual(await violations(page), [])
  visit.assertQuiet()
})

test('a restriction that was granted is ended by whom it protects', async () => {
  await using visit = await demo.site.visit(undefined)
  const { page } = visit
  await demo.signIn(page)
  await page.goto(`${demo.site.web.url}/account/data-protection`)
  await page.getByLabel('Ask for').selectOption('restriction')
  await page.getByRole('button', { name: 'Send the request' }).click()
  const entry = page
    .getByTestId('requests')
    .getByRole('listitem')
    .filter({ hasText: 'Restriction' })
  await entry.first().waitFor()
  await grantRestriction(demo)
  await page.reload()
  await entry.getByRole('button', { name: 'End it' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await entry.getByRole('button', { name: 'End it' }).waitFor({ state: 'detached' })
  await entry.getByText('What happened').click()
  await entry.getByText('withdrawn by you').waitFor()
  assert.deepEqual(await violations(page), [])
  visit.assertQuiet()
})

/** What an operator does about the request for restriction that is there. */
async function grantRestriction({ settlement }: DemoAccount): Promise<void> {
  const headers = {
    authorization: `Bearer ${settlement.operatorToken}`,
    'content-type': 'application/json',
  }
  const url = `${settlement.url}/v1/admin/gdpr/requests`
  const listed = (await (await fetch(url, { headers })).json()) as {
    requests: readonly { id: string; kind: string }[]
  }
  const id = listed.requests.find(({ kind }) => kind === 'restriction')?.id
  // Who asks is signed in, and so identified.
  for (const step of ['begun', 'done']) {
    const body = JSON.stringify({ step })
    const answer = await fetch(`${url}/${id}/steps`, { method: 'POST', headers, body })
    assert.equal(answer.ok, true, await answer.text())
  }
}

test('an admin states the basis, and is not offered what is the owners’', async () => {
  await using visit = await demo.site.visit(undefined)
  const { page } = visit
  await demo.signIn(page, 'jonas')
  await page.goto(`${demo.site.web.url}/account/data-protection`)
  await page.getByText('are for its owners').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Erase the organization' }).count(), 0)
  await page.getByRole('button', { name: 'State it' }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Make an export' }).count(), 0)
})

test('the organization is erased, with its name typed once more', async () => {
  await using visit = await demo.site.visit(undefined)
  const { page } = visit
  await demo.signIn(page)
  await page.goto(`${demo.site.web.url}/account/data-protection`)
  await page.getByRole('button', { name: 'Erase the organization' }).click()
  const dialog = page.getByRole('dialog')
  const button = dialog.getByRole('button', { name: 'Erase the organization' })
  assert.equal(await button.isDisabled(), true)
  await dialog.getByLabel('Type the name').fill('Nordlicht Software GmbH')
  assert.deepEqual(await violations(page), [])
  await button.click()
  // Money is under way: the demo has authorizations that have not expired.
  await dialog.getByText(/Something has to come to its end first/u).waitFor()
  assert.deepEqual(await violations(page), [])
})

async function saved(page: Page, act: () => Promise<void>): Promise<Download> {
  const [file] = await Promise.all([page.waitForEvent('download'), act()])
  return file
}
