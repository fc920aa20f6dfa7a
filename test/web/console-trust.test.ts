// What operators look after besides money's ways, on a real service and in a real browser.
import assert from 'node:assert/strict'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { violations } from './axe.ts'
import { OperatorDesk } from './operator-desk.ts'
import { buildIfStale } from './site.ts'

let lab: OperatorDesk

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildIfStale())
beforeAll(async () => {
  lab = await OperatorDesk.open()
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
})

async function open(path: string, options: BrowserContextOptions = {}) {
  const visit = await lab.site.visit(undefined, options)
  await lab.enter(visit.page)
  await visit.page.goto(`${lab.site.web.url}${path}`)
  return visit
}
const first = (page: Page, table: string) =>
  page.getByRole('grid', { name: table }).getByRole('gridcell').first()

test('a payout leads to its receipts, and each is proved by the log in the page', async () => {
  const { payout, sessions, provider } = lab.desk
  await using visit = await open('/console/ledger')
  const { page } = visit
  // Nothing is made or lost: the trial balance adds up to nothing.
  await page.getByTestId('trial-sum').getByRole('button', { name: '€0.00', exact: true }).waitFor()
  await page.getByLabel(/^Id of a payout/u).fill(payout)
  await page.getByRole('button', { name: 'Find', exact: true }).click()
  const earned = page.getByTestId('earnings')
  await earned.getByText('4 ×').waitFor()
  assert.deepEqual(await violations(page), [])

  await first(page, 'Entries').press('Enter')
  await page.waitForURL(/\/console\/ledger\/transfer\?id=\d+$/u)
  const way = page.getByRole('navigation', { name: 'Way from the payout' })
  await way.getByRole('link', { name: `${payout.slice(0, 9)}…${payout.slice(-6)}` }).waitFor()
  await page.getByTestId('postings-sum').waitFor()
  await page.goto(`${lab.site.web.url}/console/ledger/session?id=${sessions[0]}`)
  await page.getByText('Verified: the log has this session’s last receipt.').waitFor()
  assert.equal(await page.getByTestId('log-proof').locator('[data-status=ok]').count(), 3)
  assert.deepEqual(await violations(page), [])

  // And back: the receipt says which payout paid it.
  await page
    .getByRole('link', { name: `${payout.slice(0, 9)}…${payout.slice(-6)}` })
    .first()
    .click()
  await page.waitForURL(new RegExp(`/console/ledger/payout\\?id=${payout}$`, 'u'))
  await page
    .getByRole('link', { name: `${provider.slice(0, 9)}…${provider.slice(-6)}` })
    .first()
    .waitFor()
  visit.assertQuiet()
})

test('a proof that was changed on its way is not believed', async () => {
  await using visit = await open('/console')
  const { page } = visit
  await page.route('**/v1/log/proof/**', async (route) => {
    const answer = await route.fetch()
    const body = await answer.body()
    const last = body.length - 40
    body[last] = (body[last] ?? 0) ^ 1
    await route.fulfill({ response: answer, body })
  })
  await page.goto(`${lab.site.web.url}/console/ledger/session?id=${lab.desk.sessions[1]}`)
  await page.getByText('The proof does not hold.').waitFor()
})

test('a refused receipt is found, beside the one that is booked', async () => {
  const { contradicted, refused } = lab.desk
  await using visit = await open('/console/receipts')
  const { page } = visit
  await page.getByTestId('ingest').waitFor()
  await first(page, 'Contradicting receipts').press('Enter')
  const sides = page.getByRole('dialog').getByTestId('sides')
  await sides.getByText('Refused').waitFor()
  await sides.getByText(`${refused.slice(0, 9)}…${refused.slice(-6)}`).waitFor()
  assert.deepEqual(await violations(page), [])
  await page.getByRole('dialog').getByRole('link', { name: 'To the session' }).click()
  await page.getByText(/^Frozen since/u).waitFor()
  assert.ok(page.url().endsWith(contradicted))

  await page.goto(`${lab.site.web.url}/console/receipts`)
  await first(page, 'Contradicting receipts').press('Enter')
  await page.getByRole('button', { name: 'This one counts' }).first().click()
  await page.getByText('No contradictions').waitFor()
  const trail = await lab.settlement.store.sessionTrail(contradicted)
  assert.equal(trail?.frozenAt, null)
})

test('a provider’s documents are checked, and its attestations taken back and allowed again', async () => {
  const { provider } = lab.desk
  await using visit = await open(`/console/providers/provider?id=${provider}`)
  const { page } = visit
  await page.getByTestId('concerns').getByText('No location attestation').waitFor()
  await page.getByRole('button', { name: 'Documents were checked' }).click()
  await page.getByLabel('Reference').fill('file 2026-117')
  await page.getByRole('button', { name: 'Keep as evidence' }).click()
  const evidence = page.getByTestId('evidence')
  await evidence.getByText('Supports').waitFor()
  await evidence.getByText(/file 2026-117/u).waitFor()
  assert.deepEqual(await violations(page), [])

  await page.getByRole('button', { name: 'Take attestations back' }).click()
  await page.getByLabel('Reason').fill('the lease has ended')
  await page.getByRole('button', { name: 'Take back', exact: true }).click()
  await page.getByTestId('concerns').getByText('Attestations withheld').waitFor()
  await page.getByRole('button', { name: 'Allow attestations again' }).click()
  await page.getByRole('button', { name: 'Take attestations back' }).waitFor()
  const { block } = await lab.settlement.store.providerLocation(provider)
  assert.notEqual(block?.liftedAt ?? null, null)
})

test('a letter that asks for erasure is answered to its end', async () => {
  const { person } = lab.desk
  await using visit = await open('/console/rights')
  const { page } = visit
  await page.getByLabel('Subject', { exact: true }).fill(person)
  await page.getByRole('button', { name: 'Write it down' }).click()
  await first(page, 'Data requests').press('Enter')
  await page
    .getByTestId('deadline')
    .getByText(/days left$/u)
    .waitFor()
  await page.getByRole('button', { name: 'Identity was checked' }).click()
  await page.getByRole('button', { name: 'Erase the data' }).click()
  const erase = page.getByRole('button', { name: 'Erase now' })
  assert.ok(await erase.isDisabled(), 'not without the confirmation')
  await page.getByLabel(`To confirm, type ${person}`).fill(person)
  assert.deepEqual(await violations(page), [])
  await erase.click()
  await page.getByTestId('erased').waitFor()
  await page
    .getByTestId('deadline')
    .getByText(/^Ended /u)
    .waitFor()
  const found = await lab.settlement.store.executeSql('select email from person where id = $1', [
    person,
  ])
  assert.ok(!JSON.stringify(found.rows).includes('irene@example.org'))
})

test('an organization is found by its name, disabled and opened again', async () => {
  const { organization } = lab.desk
  await using visit = await open('/console/organizations')
  const { page } = visit
  await page.getByLabel('Name or id').fill(organization)
  await page.getByRole('button', { name: 'Find', exact: true }).click()
  await first(page, 'Organizations').press('Enter')
  await page.getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('button', { name: 'Open again' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Open again' }).click()
  await page.getByRole('button', { name: 'Disable' }).waitFor()
  const found = await lab.settlement.store.organizationDetails(organization)
  assert.equal(found?.disabledAt, null)
})

test('the log is computed again, its tree is walked, and a breach has its clock', async () => {
  await using visit = await open('/console/log')
  const { page } = visit
  await page.getByRole('button', { name: 'Check the whole log' }).click()
  await page
    .getByTestId('log-check')
    .getByText(/^Sound: /u)
    .waitFor()
  const tree = page.getByTestId('tree')
  await tree.getByRole('button', { name: /^Entries 0 to /u }).click()
  await tree.getByRole('button', { name: 'One up' }).click()
  assert.deepEqual(await violations(page), [])

  await page.goto(`${lab.site.web.url}/console/breaches`)
  await page.getByLabel('What happened, in a line').fill('A laptop was lost')
  await page.getByRole('button', { name: 'Record it' }).click()
  await page.getByTestId('clock').getByText(/left$/u).waitFor()
  await page.getByRole('button', { name: 'Draft for the authority' }).click()
  await page.getByRole('dialog').getByText(/^# /u).waitFor()
})

test('every page is for everybody, in both themes', async () => {
  const { provider, organization, payout } = lab.desk
  const paths = [
    'ledger',
    `ledger/payout?id=${payout}`,
    `ledger/account?id=payable/${provider}`,
    'receipts',
    'providers',
    `providers/provider?id=${provider}`,
    `organizations/organization?id=${organization}`,
    'rights',
    'breaches',
    'log',
    'events',
    'system',
  ]
  for (const colorScheme of ['light', 'dark'] as const) {
    await using visit = await open('/console', { colorScheme })
    for (const path of paths) {
      await visit.page.goto(`${lab.site.web.url}/console/${path}`)
      await visit.page.getByRole('heading', { level: 1 }).waitFor()
      await visit.page.locator('main .animate-pulse').first().waitFor({ state: 'detached' })
      assert.deepEqual(await violations(visit.page), [], `${path}, ${colorScheme}`)
    }
  }
})
