import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSettlement } from '@hanse/settlement'
import type { Page } from 'playwright-core'
import { DemoAccount } from '../demo-account.ts'
import { Office } from '../office.ts'
import { OperatorDesk } from '../operator-desk.ts'
import { someProviders } from '../paper-offers.ts'
import { MarketSite, PlaygroundSite } from '../peer-sites.ts'
import { ProviderDesk } from '../provider-desk.ts'
import { Site } from '../site.ts'
import type { Area, Scene, Scenery } from './area.ts'

/**
 * Every page of the build is photographed without being named. A page that needs somebody who is signed in, or data of its
 * own, needs an area here: before `everybody`, which takes what is left.
 */
export const areas: readonly Area[] = [
  { covers: /^\/account(?:\/|$)/u, open: account },
  {
    covers:
      /^\/console\/(?:ledger|receipts|log|events|providers|organizations|rights|breaches|system|metrics)(?:\/|$)/u,
    open: evidence,
  },
  { covers: /^\/console(?:\/|$)/u, open: money },
  { covers: /^\/market(?:\/|$)/u, open: market },
  { covers: /^\/provider(?:\/|$)/u, open: provider },
  { covers: /^\/playground(?:\/|$)/u, open: playground },
  { covers: /^\//u, open: everybody },
]

/** Two of the service's own measurements, and time for a machine that does other things as well. */
const MEASURED_MS = 60_000

/** The owner of the demo organization. */
async function account(): Promise<Scenery> {
  const demo = await DemoAccount.open()
  return {
    site: demo.site,
    enter: (page) => demo.signIn(page),
    [Symbol.asyncDispose]: () => demo[Symbol.asyncDispose](),
  }
}

/** What operators look after besides the ways of money. */
async function evidence(): Promise<Scenery> {
  const lab = await OperatorDesk.open()
  const { payout, provider, organization, sessions } = lab.desk
  const { store, context } = lab.settlement
  const detectedAt = context.now()
  const first = { kind: 'detected', title: 'A laptop was lost', detectedAt, beganAt: null } as const
  const breach = await store.takeBreachStep(`br_${randomUUID()}`, first, 'root', detectedAt)
  const about: Readonly<Record<string, string>> = {
    breach: breach.id,
    payout,
    provider,
    organization,
    session: sessions[0] ?? '',
    account: `payable/${provider}`,
    transfer: '1',
  }
  return {
    site: lab.site,
    enter: (page) => lab.enter(page),
    scenes: (path) => {
      const id = about[path.split('/').at(-1) ?? '']
      const query = id !== undefined && { query: `?id=${encodeURIComponent(id)}` }
      const act = (page: Page) => page.getByTestId('charts').waitFor({ timeout: MEASURED_MS })
      return [{ name: '', ...query, ...(path.endsWith('/metrics') && { act }) }]
    },
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  }
}

/** The ways of money, after a month of business, as an operator finds them in the morning. */
async function money(): Promise<Scenery> {
  const office = await Office.open()
  await office.business()
  const anna = await office.addClerk('anna', 'operator')
  const { run, difference } = await office.morning()
  const ids: Readonly<Record<string, string>> = { run, difference }
  return {
    site: office.site,
    enter: (page) => office.signIn(page, anna.email, anna),
    scenes: (path) => {
      const id = ids[path.split('/').at(-1) ?? '']
      return [{ name: '', ...(id !== undefined && { query: `?id=${id}` }) }]
    },
    [Symbol.asyncDispose]: () => office[Symbol.asyncDispose](),
  }
}

async function market(): Promise<Scenery> {
  const lab = await MarketSite.open(someProviders())
  const [measured = ''] = lab.market.providers.filter(
    (provider) => (lab.market.pings.get(provider)?.length ?? 0) > 0,
  )
  const provider: Scene = {
    name: '',
    query: `?id=${measured}`,
    act: async (page) => {
      await page.getByTestId('signatures').waitFor()
      await page.locator('[role=img][aria-label*=" 2 "]').waitFor()
    },
  }
  const offers: Scene = {
    name: '',
    act: async (page) => {
      await page.getByTestId('found').waitFor()
      await page.locator('svg path[stroke-dasharray]').waitFor()
    },
  }
  return {
    site: lab.site,
    scenes: (path) => (path.endsWith('/provider') ? [provider] : [offers]),
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  }
}

/** The owner of two nodes. */
async function provider(): Promise<Scenery> {
  const desk = await ProviderDesk.open()
  const seen: Scene = {
    name: '',
    act: (page) => page.locator('[data-step=offered][data-done=true]').waitFor(),
  }
  const advised: Scene = {
    name: '',
    act: (page) => page.getByTestId('advice').first().waitFor(),
  }
  const steps: Record<string, readonly Scene[]> = {
    '/provider': [seen],
    '/provider/prices': [advised],
  }
  return {
    site: desk.site,
    enter: (page) => desk.signIn(page),
    scenes: (path) => steps[path] ?? [{ name: '' }],
    [Symbol.asyncDispose]: () => desk[Symbol.asyncDispose](),
  }
}

async function playground(): Promise<Scenery> {
  const lab = await PlaygroundSite.open(120)
  const compare: Scene = {
    name: 'compare',
    act: async (page) => {
      await page.getByLabel(/Compare two providers|Zwei Anbieter vergleichen/u).check()
      await chat(page)
    },
  }
  return {
    site: lab.site,
    scenes: () => [{ name: '', act: chat }, compare],
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  }
}

async function everybody(): Promise<Scenery> {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-shots-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const settlement = stack.use(await openSettlement({ dataDir, network: 'test' }))
  const site = stack.use(await Site.open({ settlementUrl: settlement.url }))
  const opened = stack.move()
  return {
    site,
    scenes: (path) => scenes[path] ?? [{ name: '' }],
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const scenes: Readonly<Record<string, readonly Scene[]>> = {
  '/gallery': [{ name: '', showsLoading: true }],
  '/verify': [
    { name: '' },
    { name: 'verified', act: (page) => check(page, /^(Try an example|Ein Beispiel prüfen)$/u) },
    {
      name: 'tampered',
      act: (page) => check(page, /^(Try a tampered one|Ein verfälschtes prüfen)$/u),
    },
  ],
}

async function check(page: Page, name: RegExp): Promise<void> {
  await page.getByRole('button', { name }).click()
  const result = page.getByTestId('result')
  await result.waitFor()
  // The last receipt, so that the strip is seen, too.
  const receipts = result.getByRole('button', { name: /^(Receipt|Quittung) \d+, /u })
  await receipts.last().click()
}

async function chat(page: Page): Promise<void> {
  await page.getByLabel(/^(Evidence at least|Nachweis mindestens)$/u).selectOption('0')
  const box = page.getByLabel(/^(Your prompt|Ihre Eingabe)$/u)
  await box.fill('Tell a story about a baker and a cat.')
  await box.press('Enter')
  for (const tape of await page.getByTestId('tape').all())
    await tape.getByRole('link', { name: /^(Check it|Prüfen)$/u }).waitFor()
}
