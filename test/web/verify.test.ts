// An auditor checks bundles with the network off.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { violations } from './axe.ts'
import { Site, type Visit } from './site.ts'

interface Vectors {
  readonly trust: { readonly attestors: readonly string[]; readonly settlements: readonly string[] }
  readonly right: readonly { readonly why: string; readonly bytes: string }[]
  readonly wrong: readonly {
    readonly why: string
    readonly failed: string
    readonly bytes: string
  }[]
}

const vectors: Vectors = JSON.parse(
  await readFile(join(import.meta.dirname, '..', 'vectors', 'bundles.json'), 'utf8'),
)
const right = named(vectors.right, 'settled by its last receipt')
const tampered = named(vectors.wrong, 'a bit flipped in a record')

let site: Site

beforeAll(async () => {
  site = await Site.open()
})

afterAll(() => site[Symbol.asyncDispose]())

test('a bundle is verified offline, with its chain and its place in the log', async () => {
  await using visit = await offline()
  const { page } = visit
  await drop(page, right)
  const result = page.getByTestId('result')
  await result.getByRole('heading', { name: 'Verified', exact: true }).waitFor()
  assert.equal(await result.locator('[data-status=failed]').count(), 0)
  assert.ok((await result.locator('[data-status=unproved]').count()) > 0)
  await result.getByText(/^Entry \d+ of \d+ in log\.hanse\.example/u).waitFor()
  await result.getByRole('button', { name: /^Receipt 1, €0\.000005, whole$/u }).click()
  await result.getByText('links to the one before').waitFor()
  assert.deepEqual(await violations(page), [])

  // Whose word counts is the reader's to say; then nothing is left to believe but the checkpoint.
  await page
    .getByLabel('Settlements and attestors')
    .fill([...vectors.trust.attestors, ...vectors.trust.settlements].join('\n'))
  await page.getByLabel('Network').fill('test')
  await page.getByLabel('Network').blur()
  await result.getByText(/^.*Nothing is wrong\. 1 lines/u).waitFor()
  await page.getByLabel('Network').fill('elsewhere')
  await page.getByLabel('Network').blur()
  await result.getByRole('heading', { name: 'Not verified' }).waitFor()
  visit.assertQuiet()
})

test('a tampered bundle is shown as such', async () => {
  await using visit = await offline()
  const { page } = visit
  await drop(page, tampered)
  const result = page.getByTestId('result')
  await result.getByRole('heading', { name: 'Not verified' }).waitFor()
  assert.equal(await result.locator('[data-status=failed]').count(), 1)
  assert.deepEqual(await violations(page), [])
})

test('every wrong bundle fails, also when it is pasted, and none breaks the page', async () => {
  await using visit = await offline()
  const { page } = visit
  await page.getByText('Or paste a receipt').click()
  for (const { why, bytes } of vectors.wrong.filter(
    ({ bytes, why }) => bytes !== '' && !why.includes('trusted'),
  )) {
    await page.getByLabel(/^A signed record as JSON/u).fill(bytes)
    await page.getByRole('button', { name: 'Check', exact: true }).click()
    await page.getByTestId('result').getByRole('heading', { name: 'Not verified' }).waitFor()
    assert.ok((await page.locator('[data-status=failed]').count()) >= 1, why)
  }
  await page.getByLabel(/^A signed record as JSON/u).fill('no receipt!')
  await page.getByRole('button', { name: 'Check', exact: true }).click()
  await page.getByText('This is neither a bundle nor a signed receipt.').waitFor()
  visit.assertQuiet()
})

test('the landing page leads to the receipt that it shows, checked at once', async () => {
  await using visit = await site.visit('/')
  const { page } = visit
  await page.getByRole('link', { name: 'Check it in your browser' }).click()
  await page.getByTestId('result').getByText('Verified', { exact: true }).waitFor()
  visit.assertQuiet()
})

test('the example is one of the vectors, and its tampered form breaks at the last knot', async () => {
  const example = await (await fetch(`${site.web.url}/example-session.car`)).arrayBuffer()
  assert.equal(Buffer.from(example).toString('hex'), right.toString('hex'))
  await using visit = await site.visit('/verify')
  const { page } = visit
  await page.getByRole('button', { name: 'Try a tampered one' }).click()
  const result = page.getByTestId('result')
  await result.getByText('Broken at 1 knots.').waitFor()
  await result.getByRole('button', { name: /^Receipt 1, .*, broken$/u }).click()
  await result.getByText('changed', { exact: true }).waitFor()
})

/** The page with all it needs, and no network from then on. */
async function offline(): Promise<Visit> {
  const visit = await site.visit('/verify')
  await visit.page.getByText('Ready. From here on no network is needed.').waitFor()
  await visit.page.context().setOffline(true)
  return visit
}

async function drop(page: Page, buffer: Buffer): Promise<void> {
  const file = { name: 'session.car', mimeType: 'application/vnd.ipld.car', buffer }
  await page.getByTestId('file').setInputFiles(file)
}

function named(list: readonly { why: string; bytes: string }[], name: string): Buffer {
  const found = list.find(({ why }) => why === name)
  assert.ok(found, name)
  return Buffer.from(found.bytes, 'hex')
}
