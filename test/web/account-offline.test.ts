// Account pages without a connection, without the service, and without EU mode.
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { AccountSite } from './account-site.ts'
import { violations } from './axe.ts'
import { buildIfStale } from './site.ts'

let lab: AccountSite

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildIfStale())
beforeAll(async () => {
  lab = await AccountSite.open({ euAudit: false })
})
afterAll(() => lab?.[Symbol.asyncDispose]())

test('a page that is opened without a connection opens by itself when there is one', async () => {
  await using visit = await lab.site.visit(undefined)
  const { page } = visit
  await lab.signUp(page, 'offline@example.org')
  await page.goto(`${lab.site.web.url}/account`)
  await page.getByText('€1.00').first().waitFor()
  const nav = page.getByRole('navigation', { name: 'Account pages' })
  await page.context().setOffline(true)
  await page.getByText('This computer is offline.').waitFor()
  await nav.getByRole('link', { name: 'Budgets', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: /^(?:Budgets|You are offline)$/u }).waitFor()
  assert.deepEqual(await violations(page), [])

  await page.context().setOffline(false)
  await page.getByRole('heading', { level: 1, name: 'Budgets' }).waitFor()
  await page.getByText('No budgets', { exact: true }).waitFor()
  assert.equal(await page.getByText('This computer is offline.').count(), 0)
})

test('a page that the service did not answer asks again by itself', async () => {
  await using visit = await lab.site.visit(undefined)
  const { page } = visit
  await lab.signUp(page, 'away@example.org')
  const service = await away(page, lab.settlement.url)
  await page.goto(`${lab.site.web.url}/account/budgets`)
  await page.getByText('The settlement service does not answer this page.').waitFor()
  await service.back()
  await page.getByText('No budgets', { exact: true }).waitFor()

  // A page that was there, and one whose answer was lost.
  const gone = await away(page, lab.settlement.url)
  const nav = page.getByRole('navigation', { name: 'Account pages' })
  await nav.getByRole('link', { name: 'Receipts', exact: true }).click()
  await page.getByText('The settlement service does not answer this page.').waitFor()
  await gone.back()
  await page.getByText('No receipts yet').waitFor()
  assert.equal(await page.getByText('does not answer').count(), 0)
})

test('a service without EU mode offers none of it', async () => {
  await using visit = await lab.site.visit(undefined)
  const { page } = visit
  await lab.signUp(page, 'plain@example.org')
  for (const path of ['audit', 'data-protection', 'my-data']) {
    await page.goto(`${lab.site.web.url}/account/${path}`)
    await page.getByText('This service does not run in EU mode').waitFor()
    assert.deepEqual(await violations(page), [], path)
  }
  const nav = page.getByRole('navigation', { name: 'Account pages' })
  await nav.getByRole('link', { name: 'Receipts', exact: true }).waitFor()
  for (const name of ['Audit trail', 'Data protection', 'Your own data'])
    assert.equal(await nav.getByRole('link', { name }).count(), 0, name)
})

/** The service is away for this page, until it is back. */
async function away(page: Page, url: string) {
  const all = `${url}/**`
  await page.route(all, (route) => route.abort('connectionrefused'))
  return { back: () => page.unroute(all) }
}
