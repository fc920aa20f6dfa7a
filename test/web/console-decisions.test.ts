// What operators decide on money, each in a real browser, against a settlement service with Stripe's double.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './axe.ts'
import { type Clerk, Office } from './office.ts'
import { buildIfStale } from './site.ts'

const HOUR_MS = 3_600_000

let office: Office
let anna: Clerk
let bert: Clerk

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildIfStale(), 900_000)
beforeAll(async () => {
  office = await Office.open()
  await office.business()
  anna = await office.addClerk('anna', 'operator')
  bert = await office.addClerk('bert', 'operator')
}, 600_000)

afterAll(() => office?.[Symbol.asyncDispose]())

/** Signed in, on a page of the console. */
async function at(clerk: Clerk, path: string, options: BrowserContextOptions = {}) {
  const visit = await office.site.visit(undefined, options)
  await office.signIn(visit.page, clerk.email, clerk)
  await visit.page.goto(`${office.site.web.url}/console${path}`)
  return visit
}
const button = (within: Page | Locator, name: string) =>
  within.getByRole('button', { name, exact: true })
const first = (page: Page, table: string) =>
  page.getByRole('grid', { name: table }).getByRole('gridcell').first()

async function assertAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    assert.deepEqual(await violations(page), [], `${page.url()} ${colorScheme}`)
  }
}

test('a payout is taken back in part, which holds its provider, and the hold is released', async () => {
  const run = await paidRun()
  await using visit = await at(anna, `/payouts/run?id=${run}`)
  const { page } = visit
  await first(page, 'Payouts').press('Enter')
  const drawer = page.getByRole('dialog', { name: 'Payout' })
  await button(drawer, 'Take back').click()
  await drawer.getByLabel('Amount').fill('1.50')
  await drawer.getByLabel('Reason').fill('Paid twice for one night')
  await assertAccessible(page)
  await button(drawer, 'Take back').click()
  const back = drawer.getByRole('listitem').filter({ hasText: 'Paid twice for one night' })
  await back.getByText('€1.50').waitFor()
  await back.getByText(/^done/u).waitFor()
  const reversed = await page.request.get(`${office.settlement.url}/v1/admin/payouts`)
  expect((await reversed.json()).payouts).toMatchObject([{ reversedCents: '150', state: 'paid' }])

  await page.goto(`${office.site.web.url}/console/payouts`)
  const held = page.getByRole('listitem').filter({ hasText: 'Paid twice for one night' })
  await held.getByText(/^by anna/u).waitFor()
  await assertAccessible(page)
  await button(held, 'Release').click()
  await button(page.getByRole('dialog'), 'Release').click()
  await page.getByText('No provider is on hold').waitFor()
})

test('a provider is held by hand, and a run that is gathered meanwhile has nothing for it', async () => {
  await office.earnMore()
  await using visit = await at(anna, '/payouts')
  const { page } = visit
  await button(page, 'Hold a provider').click()
  const dialog = page.getByRole('dialog', { name: 'Hold a provider' })
  await dialog.getByLabel('Provider').fill(office.provider)
  await dialog.getByLabel('Reason').fill('The police asks')
  await assertAccessible(page)
  await button(dialog, 'Hold').click()
  const held = page.getByRole('listitem').filter({ hasText: 'The police asks' })
  await held.waitFor()
  const gathered = await office.admin('POST', '/v1/admin/payout-runs', undefined, bert.token)
  expect(gathered.run).toBeNull()
  await button(held, 'Release').click()
  await button(page.getByRole('dialog'), 'Release').click()
  await page.getByText('No provider is on hold').waitFor()
  const after = await office.admin('POST', '/v1/admin/payout-runs', undefined, bert.token)
  expect(after.run).toMatchObject({ state: 'gathered', payouts: 1 })
})

test('of two disputes one is contested with a statement, and the other given up', async () => {
  await office.payDisputed(1_100n)
  await office.payDisputed(2_200n)
  await using visit = await at(anna, '/disputes')
  const { page } = visit
  const open = async (amount: string) => {
    await page
      .getByRole('row')
      .filter({ hasText: amount })
      .getByRole('gridcell')
      .first()
      .press('Enter')
    return page.getByRole('dialog', { name: 'Dispute' })
  }
  const contested = await open('€11.00')
  await contested.getByText('to be answered').waitFor()
  const statement = contested.getByLabel('Statement to the bank')
  await statement.fill(
    'Inference that was asked for and delivered: the receipts are signed by the customer.',
  )
  await assertAccessible(page)
  await button(contested, 'Contest').click()
  await contested.getByText('with the bank').waitFor()
  assert.equal(await statement.count(), 0, 'it is contested once')
  await page.keyboard.press('Escape')

  const lost = await open('€22.00')
  await button(lost, 'Accept the loss').click()
  const sure = page.getByRole('dialog', { name: 'Give up €22.00?' })
  await button(sure, 'Accept the loss').click()
  await sure.waitFor({ state: 'detached' })
  await lost.getByText('lost', { exact: true }).waitFor()
  const { disputes } = (await office.admin('GET', '/v1/admin/disputes')) as unknown as {
    disputes: { cents: string; status: string }[]
  }
  expect(new Map(disputes.map(({ cents, status }) => [cents, status]))).toEqual(
    new Map([
      ['1100', 'under-review'],
      ['2200', 'lost'],
    ]),
  )
})

test('an adjustment is proposed by one operator, who cannot approve it, and posted by another', async () => {
  await using proposing = await at(anna, '/adjustments')
  const { page } = proposing
  await button(page, 'Propose an adjustment').click()
  const form = page.getByRole('dialog', { name: 'Propose an adjustment' })
  await form.getByLabel('Debit').fill('losses/platform')
  await form.getByLabel('Credit').fill(`payable/${office.provider}`)
  await form.getByLabel('Amount').fill('3.21')
  await form.getByLabel('Reason').fill('Lost while we moved house')
  await assertAccessible(page)
  await form.getByRole('button', { name: /^Propose/u }).click()
  await form.waitFor({ state: 'detached' })
  await first(page, 'Adjustments').press('Enter')
  const own = page.getByRole('dialog', { name: 'Adjustment' })
  await own.getByText(/^You proposed it/u).waitFor()
  assert.equal(await button(own, 'Approve and post').count(), 0)

  await using approving = await at(bert, '/adjustments')
  await first(approving.page, 'Adjustments').press('Enter')
  const shown = approving.page.getByRole('dialog', { name: 'Adjustment' })
  await shown.getByText(/^anna, /u).waitFor()
  await shown.getByLabel('Note').fill('Seen in the inventory')
  await assertAccessible(approving.page)
  await button(shown, 'Approve and post').click()
  await shown.waitFor({ state: 'detached' })
  await first(approving.page, 'Adjustments').press('Enter')
  await shown.getByText('bert: Seen in the inventory').waitFor()
  await shown.getByText('posted', { exact: true }).waitFor()
  const check = await office.admin('GET', '/v1/admin/ledger/check')
  expect(check.balanced).toBe(true)
})

test('a document is saved as the PDF that it is, and compared with the books', async () => {
  await office.settlement.jobs.run('documents')
  await using visit = await at(anna, '/documents')
  const { page } = visit
  const row = page.getByRole('row').filter({ hasText: 'INV-' }).first()
  await row.waitFor()
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    row.getByRole('button', { name: /^Save INV-.* as PDF$/u }).click(),
  ])
  assert.match(saved.suggestedFilename(), /^INV-\d{4}-\d{6}\.pdf$/u)
  const content = await readFile(await saved.path())
  assert.equal(content.subarray(0, 5).toString('latin1'), '%PDF-')
  assert.match(content.subarray(-16).toString('latin1'), /%%EOF/u)
  await row.getByRole('button', { name: /against the books$/u }).click()
  await page.getByText(/^INV-.* is what the books say$/u).waitFor()
  await assertAccessible(page)
})

test('after twelve hours the console asks once more who it is, and goes on where it was', async () => {
  await using visit = await at(anna, '/adjustments')
  const { page } = visit
  const early = page.getByRole('grid', { name: 'Adjustments' })
  await early.waitFor()
  // A session that is used lives on; showing who one is does not.
  office.pass(7 * HOUR_MS)
  await page.reload()
  await early.waitFor()
  office.pass(6 * HOUR_MS)
  await page.getByRole('link', { name: 'Reconciliation', exact: true }).click()
  await page.getByRole('dialog', { name: 'Show that it is you' }).waitFor()
  await assertAccessible(page)
  await office.prove(page, anna)
  await button(page, 'Compare now').waitFor()
  await page.getByText('Nothing was compared yet.').waitFor()
  assert.ok(page.url().endsWith('/console/reconciliation'))

  // What was typed is still there, and is sent.
  await page.getByRole('link', { name: 'Payouts', exact: true }).click()
  await button(page, 'Hold a provider').click()
  const dialog = page.getByRole('dialog', { name: 'Hold a provider' })
  await dialog.getByLabel('Provider').fill(office.provider)
  await dialog.getByLabel('Reason').fill('Typed before lunch')
  office.pass(7 * HOUR_MS)
  await page.request.get(`${office.settlement.url}/v1/account`)
  office.pass(6 * HOUR_MS)
  await button(dialog, 'Hold').click()
  await office.prove(page, anna)
  await page.getByRole('listitem').filter({ hasText: 'Typed before lunch' }).waitFor()
})

test('who does not show who they are sees nothing more, and goes on once they do', async () => {
  await using visit = await at(bert, '/documents')
  const { page } = visit
  await page.getByRole('grid', { name: 'Documents' }).waitFor()
  office.pass(7 * HOUR_MS)
  await page.request.get(`${office.settlement.url}/v1/account`)
  office.pass(6 * HOUR_MS)
  await page.getByRole('link', { name: 'Disputes', exact: true }).click()
  await page.getByRole('dialog', { name: 'Show that it is you' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByText('Show once more who you are').waitFor()
  assert.equal(await page.getByRole('grid').count(), 0)
  await assertAccessible(page)
  await button(page, 'Show who I am').click()
  await office.prove(page, bert)
  await page.getByRole('grid', { name: 'Disputes' }).waitFor()
})

test('a month in which something is open is closed with a reason, which stays to be read', async () => {
  await using visit = await at(anna, '/month')
  const { page } = visit
  await page.getByText('Months are closed by an operator alone.').waitFor()
  await page.getByRole('button', { name: /^Close /u }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Still open').waitFor()
  await dialog.getByText(/not compared/u).waitFor()
  await dialog.getByLabel('Why it is closed all the same').fill('The auditors come today')
  await assertAccessible(page)
  await dialog.getByRole('button', { name: /^Close /u }).click()
  await dialog.waitFor({ state: 'detached', timeout: 60_000 })
  await page.getByText(/^Open then: .*not compared.*\. The auditors come today$/u).waitFor()
  await page.getByText('Closed by anna').waitFor()
  const { months } = (await office.admin('GET', '/v1/admin/months')) as unknown as {
    months: { closedBy: string; reason: string; open: { point: string }[] }[]
  }
  expect(months[0]).toMatchObject({ closedBy: anna.operator, reason: 'The auditors come today' })
  expect(months[0]?.open.map(({ point }) => point)).toContain('comparison')
  await assertAccessible(page)
})

/** Gathered by one operator, approved by another, and paid. */
async function paidRun(): Promise<string> {
  type Answer = { run: { id: string } }
  const gathered = await office.admin('POST', '/v1/admin/payout-runs', undefined, bert.token)
  const { id } = (gathered as unknown as Answer).run
  await office.admin('POST', `/v1/admin/payout-runs/${id}/approve`, undefined, anna.token)
  const state = async () => (await office.admin('GET', `/v1/admin/payout-runs/${id}`)).state
  await expect.poll(state, { timeout: 60_000 }).toBe('done')
  return id
}
