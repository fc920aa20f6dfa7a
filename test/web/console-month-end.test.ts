// The end of a month, as an operator has it: in a real browser, against a settlement service with Stripe's double.
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './axe.ts'
import { type Clerk, Office } from './office.ts'

let office: Office
let anna: Clerk
let bert: Clerk
let susan: Clerk

beforeAll(async () => {
  office = await Office.open()
  await office.business()
  anna = await office.addClerk('anna', 'operator')
  bert = await office.addClerk('bert', 'operator')
  susan = await office.addClerk('susan', 'support')
  await office.addStranger('walt@office.example')
}, 600_000)

afterAll(() => office?.[Symbol.asyncDispose]())

const lastMonth = () => {
  const today = new Date()
  const first = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - 1)
  const form = { month: 'long', year: 'numeric', timeZone: 'UTC' } as const
  return new Intl.DateTimeFormat('en', form).format(first)
}

async function assertAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    assert.deepEqual(await violations(page), [], `${page.url()} ${colorScheme}`)
  }
}

/** Until the list of things that wait says that there is one of them. */
const waitFor = (page: Page, name: string) =>
  page.getByRole('listitem').filter({ hasText: name }).getByText('1 open').waitFor()

test('an operator sees what waits, approves, explains a difference and closes the month', async () => {
  await using visit = await office.site.visit(undefined)
  const { page } = visit
  await office.admin('POST', '/v1/admin/payout-runs', undefined, bert.token)
  await office.signIn(page, anna.email, anna)
  await waitFor(page, 'Payout runs to approve')
  await waitFor(page, 'Month to close')
  // What was paid less what Stripe keeps: both columns of the books come to the same.
  const sums = page.getByRole('row', { name: /^Total/u }).getByRole('cell')
  await sums.first().waitFor()
  assert.equal(await sums.nth(0).innerText(), await sums.nth(1).innerText())
  await assertAccessible(page)

  await approveRun(page)
  await explainDifference(page)
  await closeMonth(page)
})

async function approveRun(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Payouts', exact: true }).click()
  await page.getByRole('gridcell').first().press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Payout run' }).waitFor()
  await page.getByText('bert', { exact: true }).waitFor()
  await page.getByRole('gridcell').first().waitFor()
  await assertAccessible(page)
  await page.getByRole('button', { name: 'Approve' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(/^1 payouts are sent/u).waitFor()
  await dialog.getByRole('button', { name: 'Approve' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.getByText('anna', { exact: true }).last().waitFor()
  await page.getByRole('gridcell', { name: 'paid' }).waitFor()
  const { runs } = (await office.admin('GET', '/v1/admin/payout-runs')) as unknown as {
    runs: { state: string; gatheredBy: string; decidedBy: string }[]
  }
  expect(runs).toMatchObject([
    { state: 'done', gatheredBy: bert.operator, decidedBy: anna.operator },
  ])
}

async function explainDifference(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Reconciliation', exact: true }).click()
  await page.getByText('Nothing was compared yet.').waitFor()
  await page.getByRole('button', { name: 'Compare now' }).click()
  await page.getByText('Compared: 1 differences are open').waitFor({ timeout: 60_000 })
  await assertAccessible(page)
  await page.getByRole('gridcell').first().press('Enter')
  await page.getByRole('heading', { level: 2, name: 'Not in the ledger' }).waitFor()
  await page.getByText(office.strayTransfer).first().waitFor()
  const stripe = page.getByRole('table', { name: 'Stripe' })
  assert.match(await stripe.getByRole('row').first().innerText(), /txn_\w+[\s\S]*-€0\.77/u)
  await page.getByRole('table', { name: 'Our books' }).getByText('nothing').waitFor()
  await assertAccessible(page)
  await page.getByLabel('Why it is right').fill('A gift of the founders to their first provider')
  await page.getByRole('button', { name: 'Resolve', exact: true }).click()
  await page.getByText(/^Resolved by anna/u).waitFor()
  await page.getByText('A gift of the founders to their first provider').waitFor()
}

async function closeMonth(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Month end', exact: true }).click()
  await page.getByRole('heading', { level: 2, name: lastMonth() }).waitFor()
  await page.getByText('Not settled yet: 1').waitFor()
  await page.getByRole('button', { name: 'Check', exact: true }).click()
  await page.getByText('Every balance is what caused it.').waitFor({ timeout: 60_000 })
  await page.getByText('Everything is settled.').waitFor()
  await assertAccessible(page)
  await page.getByRole('button', { name: `Close ${lastMonth()}` }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: `Close ${lastMonth()}` }).click()
  await page
    .getByText(`${lastMonth()} is closed: 2 statements written`)
    .waitFor({ timeout: 60_000 })
  await page.getByRole('rowheader', { name: lastMonth() }).waitFor()
  await page.getByRole('link', { name: 'Documents', exact: true }).click()
  await page.getByRole('gridcell', { name: 'Provider statement' }).waitFor()
  await page.getByRole('gridcell', { name: 'Usage statement' }).waitFor()
  await assertAccessible(page)
}

test('who gathered a run is not offered its approval, and is refused where they ask all the same', async () => {
  const { run } = await gatherAnother()
  await using visit = await office.site.visit(undefined)
  const { page } = visit
  await office.signIn(page, bert.email, bert)
  await page.goto(`${office.site.web.url}/console/payouts/run?id=${run.id}`)
  await page.getByText('You gathered this run: another operator approves it.').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0)
  const url = `${office.settlement.url}/v1/admin/payout-runs/${run.id}/approve`
  const answer = await page.request.post(url, { headers: { origin: office.site.web.url } })
  assert.equal(answer.status(), 403)
  assert.equal((await answer.json()).code, 'HANSE_TWO_OPERATORS')
})

test('support is offered nothing about money, and a stranger nothing at all', async () => {
  await using visit = await office.site.visit(undefined)
  const { page } = visit
  await office.signIn(page, susan.email, susan)
  await page.getByText('Disputes to answer').filter({ visible: true }).waitFor()
  for (const name of ['Payouts', 'Reconciliation', 'Adjustments', 'Month end'])
    assert.equal(await page.getByRole('link', { name, exact: true }).count(), 0, name)
  assert.equal(await page.getByRole('heading', { name: 'On the books' }).count(), 0)
  await page.goto(`${office.site.web.url}/console/payouts`)
  await page.getByText('Not for your role').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Gather a run' }).count(), 0)
  await assertAccessible(page)

  await using other = await office.site.visit(undefined)
  await office.signIn(other.page, 'walt@office.example')
  await other.page.getByText('No operator', { exact: true }).waitFor()
  await assertAccessible(other.page)
})

test('an operator who is unlinked while at work is out with the next click', async () => {
  await using visit = await office.site.visit(undefined)
  const { page } = visit
  await office.signIn(page, susan.email, susan)
  await page.getByText('Disputes to answer').filter({ visible: true }).waitFor()
  await office.admin('DELETE', `/v1/admin/operators/${susan.operator}/person`)
  await page.reload()
  await page.getByText('No operator', { exact: true }).waitFor()
})

async function gatherAnother(): Promise<{ run: { id: string } }> {
  await office.earnMore()
  const answer = await office.admin('POST', '/v1/admin/payout-runs', undefined, bert.token)
  return answer as unknown as { run: { id: string } }
}
