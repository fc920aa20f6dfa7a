// What operators look after besides money's ways, on a real service and in a real browser.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { addTenant } from '@hanse/settlement/testing'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { violations } from './axe.ts'
import { OperatorDesk } from './operator-desk.ts'
import { buildIfStale } from './site.ts'

/** Every ten seconds it measures; the machine may do other things as well. */
const LIVE_MS = 60_000

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

test('a restriction is granted, and lifted only some days after its subject was told', async () => {
  const { settlement } = lab
  const { organization } = await addTenant(settlement.context, 100n)
  await using visit = await open('/console/rights')
  const { page } = visit
  await page.getByLabel('Asks for').selectOption('restriction')
  await page.getByLabel('Whose data').selectOption('organization')
  await page.getByLabel('Subject', { exact: true }).fill(organization)
  await page.getByRole('button', { name: 'Write it down' }).click()
  await page
    .getByRole('grid', { name: 'Data requests' })
    .getByText(`${organization.slice(0, 9)}…${organization.slice(-6)}`)
    .first()
    .click()
  for (const step of ['Identity was checked', 'Begin', 'Mark as answered'])
    await page.getByRole('button', { name: step }).click()
  await page.getByRole('button', { name: 'Announce the lifting' }).waitFor()
  const isRestricted = async () => {
    const sql = 'select from organization where id = $1 and restricted_at is not null'
    return (await settlement.store.executeSql(sql, [organization])).rows.length === 1
  }
  assert.ok(await isRestricted(), 'nothing is restricted')
  assert.deepEqual(await violations(page), [])
  await page.getByRole('button', { name: 'Announce the lifting' }).click()
  await page.getByTestId('liftable').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Lift the restriction' }).count(), 0)
  assert.ok(await isRestricted(), 'it was lifted before its subject could answer')
})

test('a page whose address names nothing says so', async () => {
  await using visit = await open('/console/ledger/statement')
  await visit.page.getByText('Nothing chosen').waitFor()
  assert.equal(await visit.page.getByRole('alert').count(), 0)
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

test('a breach of high risk: its words, who is affected, and that they were told', async () => {
  const { organization, person, provider } = lab.desk
  await using visit = await open('/console/breaches')
  const { page } = visit
  await page.getByLabel('What happened, in a line').fill('A backup was in the wrong place')
  await page.getByRole('button', { name: 'Record it' }).click()
  await page.getByTestId('clock').getByText(/left$/u).waitFor()
  const take = page.getByRole('button', { name: 'Take this step' })
  const history = page.getByTestId('history')

  // What the law asks for next is proposed.
  await page.getByLabel('What happened', { exact: true }).fill('A backup lay open for an hour')
  await page.getByLabel('What was done, and is proposed').fill('It was taken away')
  await take.click()
  await history.getByText('It was taken away').waitFor()
  await page.getByLabel('Risk for people').selectOption('high')
  await page.getByLabel('Reason').fill('Addresses were in it')
  await take.click()
  await page.getByTestId('subjects-due').waitFor()
  assert.deepEqual(await violations(page), [])

  await page.getByLabel('Provider', { exact: true }).fill(provider)
  await page.getByRole('button', { name: 'Find who is affected' }).click()
  await page
    .getByTestId('affected')
    .getByText(/^1 organizations, /u)
    .waitFor()
  await first(page, 'Organizations affected').waitFor()
  await page.getByRole('tab', { name: 'By kinds of data' }).click()
  await page.getByRole('button', { name: 'Find who is affected' }).click()
  await page
    .getByTestId('subjects')
    .getByText(/ found$/u)
    .waitFor()
  await page.getByRole('gridcell', { name: 'olga@example.org' }).first().waitFor()
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save the list to write to' }).click(),
  ])
  const list = await readFile(await saved.path(), 'utf8')
  assert.match(list, /^subject,name,email,tables\r\n/u)
  assert.ok(list.includes('olga@example.org'))
  assert.ok(!list.includes(organization), 'people were asked for')
  assert.ok(person !== '')
  assert.deepEqual(await violations(page), [])

  await page.getByLabel('Step', { exact: true }).selectOption('authority-notified')
  await page.getByLabel('Reference').fill('AZ 17/2026')
  await take.click()
  await page.getByTestId('clock').getByText('The clock has stopped').waitFor()
  await page.getByLabel('How they were told').fill('By mail')
  await page.getByLabel('How many people').fill('2')
  await take.click()
  await page.getByTestId('subjects-due').waitFor({ state: 'detached' })
  await page.getByText(/^2 told, first /u).waitFor()
  await history.getByText('By mail').waitFor()
})

test('the service’s own measurements are drawn, and go on coming', async () => {
  await using visit = await open('/console/metrics')
  const { page } = visit
  const requests = page.getByTestId('glance').locator('dd').first()
  await requests.waitFor({ timeout: 60_000 })
  assert.match(await requests.innerText(), /^[\d.,]+/u)
  await page.getByTestId('charts').waitFor({ timeout: LIVE_MS })
  assert.equal(await page.getByTestId('charts').locator('figure').count(), 6)
  await page.getByTestId('charts').locator('svg path').first().waitFor({ state: 'attached' })
  await page.getByTestId('queues').getByText('Payouts on their way').waitFor()
  const asked = page.getByRole('grid', { name: 'Table: Routes' })
  await asked.getByText('/v1/admin/metrics').waitFor({ timeout: 60_000 })
  await page.getByRole('grid', { name: 'Table: Jobs' }).getByRole('gridcell').first().waitFor()
  assert.deepEqual(await violations(page), [])
  const before = await page.getByTestId('process').innerText()
  const end = Date.now() + LIVE_MS
  while ((await page.getByTestId('process').innerText()) === before) {
    assert.ok(Date.now() < end, 'nothing was measured any more')
    await page.waitForTimeout(500)
  }
  visit.assertQuiet()
})

test('an organization is erased as it asked, once it gives up what is left of its balance', async () => {
  const { settlement } = lab
  const { organization } = await addTenant(settlement.context, 100n)
  await using visit = await open('/console/rights')
  const { page } = visit
  await page.getByLabel('Whose data').selectOption('organization')
  await page.getByLabel('Subject', { exact: true }).fill(organization)
  await page.getByRole('button', { name: 'Write it down' }).click()
  await page
    .getByRole('grid', { name: 'Data requests' })
    .getByText(`${organization.slice(0, 9)}…${organization.slice(-6)}`)
    .first()
    .click()
  await page.getByRole('button', { name: 'Identity was checked' }).click()
  await page.getByRole('button', { name: 'Erase the data' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(`To confirm, type ${organization}`).fill(organization)
  await dialog.getByRole('button', { name: 'Erase now' }).click()
  // Money that is there is somebody's.
  await dialog.getByRole('alert').waitFor()
  assert.deepEqual(await violations(page), [])
  await dialog.getByRole('checkbox').check()
  await dialog.getByRole('button', { name: 'Erase now' }).click()
  await page.getByTestId('erased').waitFor()
  await page
    .getByTestId('deadline')
    .getByText(/^Ended /u)
    .waitFor()
  const found = await settlement.store.executeSql('select name from organization where id = $1', [
    organization,
  ])
  assert.ok(!JSON.stringify(found.rows).includes('Test'))
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
    'metrics',
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
