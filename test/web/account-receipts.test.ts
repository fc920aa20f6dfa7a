// What runs in the page is given as text: this program is checked without the types of a browser.
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { AccountSite } from './account-site.ts'
import { buildIfStale } from './site.ts'

// Ten thousand receipts in a page, as an organization has them after a year. How soon it answers is measured by `npm run bench:web`.

const COUNT = 10_000
/** What fits the table's height, and what is made beyond its edges. */
const ROWS_MAX = 60

let lab: AccountSite

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildIfStale())
beforeAll(async () => {
  lab = await AccountSite.open()
})
afterAll(() => lab?.[Symbol.asyncDispose]())

test('of ten thousand receipts only those in sight are in the page, filters leave the right ones, and no gap is seen', async () => {
  await using visit = await lab.site.visit(undefined)
  const { page } = visit
  await lab.fill(await lab.signUp(page, 'ada@example.org'), { count: COUNT })
  await page.goto(`${lab.site.web.url}/account/receipts`)
  const grid = page.getByRole('grid', { name: 'Receipts' })
  await page.getByText('The newest 10,000 are shown.').waitFor({ timeout: 60_000 })
  await assertRows(page, COUNT)

  const filter = page.getByLabel('Filter: Receipts')
  await filter.fill('model-7')
  await page.getByText('1,000 of 10,000 rows').waitFor()
  await assertRows(page, 1_000)
  await assertModels(page, 'acme/model-7')
  await filter.fill('MODEL-3 session00000')
  await page.getByText('100 of 10,000 rows').waitFor()
  await assertModels(page, 'acme/model-3')
  await filter.fill('session00004242')
  await page.getByText('1 of 10,000 rows').waitFor()
  assert.equal(await grid.getByRole('gridcell').getByText('acme/model-2').count(), 1)
  await filter.fill('')
  await page.getByText('10,000 rows', { exact: true }).waitFor()

  // Two frames after each jump, rows cover all that is seen.
  assert.equal(await page.evaluate<number>(gaps), 0)
  await assertRows(page, COUNT)
  visit.assertQuiet()
})

test('the pages of the list go on where the one before ended, each receipt once', async () => {
  await using visit = await lab.site.visit(undefined)
  const organization = await lab.signUp(visit.page, 'page@example.org')
  // Many of one moment, so that the time alone is no place in the list.
  await lab.fill(organization, { count: 1_203, prefix: 'page', stepMs: 1 })
  const seen = new Set<string>()
  let next: string | null = ''
  for (let pages = 0; next !== null && pages < 10; pages++) {
    const before: string = next === '' ? '' : `&before=${encodeURIComponent(next)}`
    const url = `${lab.settlement.url}/v1/receipts?limit=500${before}`
    const answer = await visit.page.request.get(url)
    assert.equal(answer.status(), 200, await answer.text())
    const body = (await answer.json()) as { receipts: { session: string }[]; next: string | null }
    for (const { session } of body.receipts) seen.add(session)
    next = body.next
  }
  assert.equal(next, null)
  assert.equal(seen.size, 1_203)
})

/** The table says how many there are, and has some of them. */
async function assertRows(page: Page, count: number): Promise<void> {
  const grid = page.getByRole('grid', { name: 'Receipts' })
  assert.equal(await grid.getAttribute('aria-rowcount'), String(count + 1))
  const made = await grid.getByRole('row').count()
  assert.ok(made > 10 && made < ROWS_MAX, `${made} rows are in the page`)
}

async function assertModels(page: Page, model: string): Promise<void> {
  const cells = page.getByRole('grid', { name: 'Receipts' }).getByTitle(/^acme\//u)
  const shown = new Set(await cells.allInnerTexts())
  assert.deepEqual([...shown], [model])
}

/** In how many places of forty jumps what is seen of the table had no row. */
const gaps = `(async () => {
  const view = document.querySelector('[role=region][aria-label^=Receipts]')
  view.scrollIntoView({ block: 'center' })
  const frame = () => new Promise((done) => requestAnimationFrame(done))
  let gaps = 0
  for (let jump = 1; jump <= 40; jump++) {
    view.scrollTop = (view.scrollHeight * jump) / 41
    await frame()
    await frame()
    const box = view.getBoundingClientRect()
    for (const share of [0.25, 0.5, 0.9]) {
      const at = document.elementFromPoint(box.left + 40, box.top + box.height * share)
      if (at?.closest('[role=row]') == null) gaps += 1
    }
  }
  return gaps
})()`
