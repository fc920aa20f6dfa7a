// What runs in the page is given as text: this program is checked without the types of a browser.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { verifyBundle } from '@hanse/protocol'
import type { Download, Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { violations } from './axe.ts'
import { PlaygroundSite } from './peer-sites.ts'

let lab: PlaygroundSite

beforeAll(async () => {
  lab = await PlaygroundSite.open(60)
})
afterAll(async () => await lab?.[Symbol.asyncDispose]())

test('a consumer in the tab streams an answer, and its receipts grow beside it, each signed by both', async () => {
  await using visit = await lab.site.visit('/playground')
  const { page } = visit
  await open(page)
  await ask(page, 'Tell a story.')
  const stamps = page.getByTestId('stamp')
  await stamps.nth(1).waitFor()
  assert.equal(await state(page), 'Answer is coming', 'receipts come while tokens do')
  const early = await stamps.count()
  await ended(page, 'Answer is whole')
  assert.ok((await stamps.count()) > early)
  assert.match(await page.getByTestId('answer').innerText(), /^t0 t1 .* t255$/u)
  assert.match(await stamps.last().innerText(), /256 written\s+last one: length/u)
  assert.match(await stamps.last().innerText(), /both signed/u)
  const tape = page.getByTestId('tape')
  assert.match(await tape.innerText(), /Country\s+Germany/u)
  await tape.getByTitle(lab.providers[0] ?? '', { exact: true }).waitFor()
})

test('it stops at once, the engine too; what was delivered is proved by a bundle that verifies', async () => {
  await using visit = await lab.site.visit('/playground')
  const { page } = visit
  await open(page, { longest: '2048' })
  const before = lab.engine.aborted
  await ask(page, 'Never end.')
  await page.getByTestId('stamp').nth(1).waitFor()
  await page.getByRole('button', { name: 'Stop' }).click()
  await ended(page, 'Stopped')
  await until(() => lab.engine.aborted > before)
  const cost = await page.getByTestId('cost').innerText()
  const saved = page.waitForEvent('download')
  await page.getByTestId('tape').getByRole('button', { name: 'Download the bundle' }).click()
  const bytes = await bytesOf(await saved)
  const { verified, summary } = verifyBundle(bytes, { network: 'lab' })
  assert.ok(verified)
  assert.equal(summary?.final, 'cancelled')
  // The page shows every digit of the amount that both have signed.
  assert.equal(Number(cost.replaceAll(/[^\d.]/gu, '')), Number(summary?.amount ?? 0n) / 1e12)

  await page.getByTestId('tape').getByRole('link', { name: 'Check it' }).click()
  await page.getByRole('heading', { name: 'Verified' }).waitFor()
  assert.equal(new URL(page.url()).pathname, '/verify')
})

test('it asks again, keeps the conversation, and keeps receipts and key over a reload until they are forgotten', async () => {
  await using visit = await lab.site.visit('/playground')
  const { page } = visit
  await open(page, { longest: '64' })
  const peer = await ownPeer(page)
  await ask(page, 'One.')
  await ended(page, 'Answer is whole')
  await page.getByRole('button', { name: 'Ask again' }).click()
  await page.getByTestId('sessions').getByRole('listitem').nth(1).waitFor()
  await ended(page, 'Answer is whole')
  assert.equal(await page.getByTestId('answer').count(), 1, 'in place of the first')
  await ask(page, 'Two.')
  await ended(page, 'Answer is whole')
  assert.equal(await page.getByTestId('answer').count(), 2)

  await page.reload()
  await open(page)
  assert.equal(await ownPeer(page), peer)
  assert.equal(await page.getByTestId('sessions').getByRole('listitem').count(), 3)
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export the key' }).click()
  const key = JSON.parse(new TextDecoder().decode(await bytesOf(await saved)))
  assert.equal(key.peerId, peer)
  assert.match(key.seed, /^[0-9a-f]{64}$/u)

  await page.getByRole('button', { name: 'Forget key and receipts' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Forget key and receipts' }).click()
  await page.getByText('Nothing yet.').waitFor()
  assert.notEqual(await ownPeer(page), peer)
})

test('two sides answer the same question, each with receipts of its own', async () => {
  await using visit = await lab.site.visit('/playground')
  const { page } = visit
  await open(page, { longest: '64' })
  await page.getByLabel('Compare two providers').check()
  const lanes = page.getByTestId('lane')
  assert.equal(await lanes.count(), 2)
  await ask(page, 'Both of you.')
  for (const lane of await lanes.all()) {
    await lane.getByText('Answer is whole').waitFor()
    assert.match(await lane.getByTestId('answer').innerText(), /t63$/u)
    assert.match(await lane.getByTestId('stamp').last().innerText(), /64 written/u)
  }
})

test('what is in the way is said before anything is sent, with its code and what to do', async () => {
  await using visit = await lab.site.visit('/playground')
  const { page } = visit
  await page.getByLabel('Your prompt').waitFor()
  const before = lab.engine.requests
  // Nobody has attested anything here.
  await page.getByText('No offer of this model fits.').waitFor()
  await ask(page, 'Anybody?')
  await page.getByText('No offer fits what you chose.').waitFor()
  await page.getByText('HANSE_NO_PROVIDER').waitFor()
  assert.equal(lab.engine.requests, before)
})

test('a second tab says that the key is in use, and goes on with one for the visit', async () => {
  await using visit = await lab.site.visit('/playground')
  await open(visit.page)
  const page = await visit.page.context().newPage()
  await page.goto(`${lab.site.web.url}/playground`)
  await page.getByText('Another tab is using this browser’s key.').waitFor()
  await page.getByRole('button', { name: 'Go on with a key for this visit' }).click()
  await open(page)
  await page.getByText('It is good for this visit alone').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Export the key' }).count(), 0)
})

test('axe finds nothing, in either scheme and language, with an answer on the page; and it fits a phone', async () => {
  for (const path of ['/playground', '/de/playground']) {
    await using visit = await lab.site.visit(path)
    const { page } = visit
    await open(page, { longest: '64' })
    await ask(page, 'Hello.')
    await page.getByTestId('sessions').waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      assert.deepEqual(await violations(page), [], `${path} ${colorScheme}`)
    }
    await page.setViewportSize({ width: 360, height: 740 })
    const [content, width] = await page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    )
    assert.equal(content, width, path)
  }
})

/** Waits for the offers, and takes what this market has: providers without evidence. */
async function open(page: Page, { longest = '256' } = {}): Promise<void> {
  await page.getByLabel(/^(Evidence at least|Nachweis mindestens)$/u).selectOption('0')
  await page.getByLabel(/^(Longest answer|Längste Antwort)$/u).selectOption(longest)
}

async function ask(page: Page, prompt: string): Promise<void> {
  const box = page.getByLabel(/^(Your prompt|Ihre Eingabe)$/u)
  await box.fill(prompt)
  await box.press('Enter')
}

const state = async (page: Page): Promise<string> =>
  await page.getByTestId('turn-state').first().innerText()

/** Of the last answer, with the bundle that proves it. */
async function ended(page: Page, text: string): Promise<void> {
  await page.getByTestId('turn-state').filter({ hasText: text }).first().waitFor()
  await page.getByTestId('tape').getByRole('link', { name: 'Check it' }).first().waitFor()
}

const ownPeer = async (page: Page): Promise<string> =>
  (await page.getByTestId('own-peer').locator('[title]').first().getAttribute('title')) ?? ''

const bytesOf = async (download: Download): Promise<Uint8Array> =>
  new Uint8Array(await readFile(await download.path()))

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}
