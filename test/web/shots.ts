// Photographs every page at three widths in both schemes, into test/artifacts/web/. To be looked at by a person.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSettlement } from '@hanse/settlement'
import type { Page } from 'playwright-core'
import { DemoAccount } from './demo-account.ts'
import { someProviders } from './paper-offers.ts'
import { MarketSite, PlaygroundSite } from './peer-sites.ts'
import { ARTIFACTS, pagePaths, Site } from './site.ts'

const widths = [390, 768, 1440]
const folder = join(ARTIFACTS, 'web')

/** What is done on a page before it is photographed, and under which name besides its own. */
const scenes: Record<string, (page: Page) => Promise<void>> = {
  'verify-verified': (page) => click(page, /^(Try an example|Ein Beispiel prüfen)$/u),
  'verify-tampered': (page) => click(page, /^(Try a tampered one|Ein verfälschtes prüfen)$/u),
}

/** Pages that join a network: each is photographed on one that has something to show. */
const peerPage = /^(?:\/de)?\/(?:market|playground)(?:\/|$)/u

/** Shows what belongs to somebody. */
const accountPage = /^\/(?:de\/)?account(?:\/|$)/u

/** `npm run web:shots [-- part of a path]` */
async function main([only = '']: readonly string[]): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-shots-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const settlement = stack.use(await openSettlement({ dataDir, network: 'test' }))
  const site = stack.use(await Site.open({ settlementUrl: settlement.url }))
  if (only === '') await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const paths = (await pagePaths()).filter((path) => path.includes(only))
  for (const path of paths.filter((path) => !peerPage.test(path) && !accountPage.test(path))) {
    const name = path === '/' ? 'home' : nameOf(path)
    await shoot(site, path, name)
    if (path !== '/verify') continue
    for (const [scene, act] of Object.entries(scenes)) await shoot(site, path, scene, act)
  }
  await shootAccount(paths.filter((path) => accountPage.test(path)))
  const joining = paths.filter((path) => peerPage.test(path))
  await shootMarket(joining.filter((path) => path.includes('/market')))
  await shootPlayground(joining.filter((path) => path.includes('/playground')))
  process.stdout.write(`${folder}\n`)
}

/** As the owner of the demo organization sees them. */
async function shootAccount(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  await using demo = await DemoAccount.open()
  for (const path of paths) {
    await shoot(demo.site, '/docs', nameOf(path), async (page) => {
      await demo.signIn(page)
      await page.goto(demo.site.web.url + path)
      await page.waitForLoadState('networkidle')
    })
  }
}

async function shootMarket(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  await using lab = await MarketSite.open(someProviders())
  const [measured = ''] = lab.market.providers.filter(
    (provider) => (lab.market.pings.get(provider)?.length ?? 0) > 0,
  )
  for (const path of paths) {
    const isProvider = path.endsWith('/provider')
    const at = isProvider ? `${path}?id=${measured}` : path
    await shoot(lab.site, at, nameOf(path), async (page) => {
      await page.getByTestId(isProvider ? 'signatures' : 'found').waitFor()
      await page
        .locator(isProvider ? '[role=img][aria-label*=" 2 "]' : 'svg path[stroke-dasharray]')
        .waitFor()
    })
  }
}

async function shootPlayground(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  await using lab = await PlaygroundSite.open(120)
  for (const path of paths) {
    await shoot(lab.site, path, nameOf(path), (page) => chat(page))
    await shoot(lab.site, path, `${nameOf(path)}-compare`, async (page) => {
      await page.getByLabel(/Compare two providers|Zwei Anbieter vergleichen/u).check()
      await chat(page)
    })
  }
}

async function chat(page: Page): Promise<void> {
  await page.getByLabel(/^(Evidence at least|Nachweis mindestens)$/u).selectOption('0')
  const box = page.getByLabel(/^(Your prompt|Ihre Eingabe)$/u)
  await box.fill('Tell a story about a baker and a cat.')
  await box.press('Enter')
  for (const tape of await page.getByTestId('tape').all())
    await tape.getByRole('link', { name: /^(Check it|Prüfen)$/u }).waitFor()
}

const nameOf = (path: string): string => path.slice(1).replaceAll('/', '-')

async function shoot(
  site: Site,
  path: string,
  name: string,
  act?: (page: Page) => Promise<void>,
): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await using visit = await site.visit(path, { colorScheme })
    const { page } = visit
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 })
      await page.waitForLoadState('networkidle')
      await page.evaluate('document.fonts.ready.then(() => undefined)')
      if (act !== undefined && width === widths[0]) await act(page)
      await page.screenshot({
        path: join(folder, `${name}-${width}-${colorScheme}.png`),
        fullPage: true,
      })
    }
  }
}

async function click(page: Page, name: RegExp): Promise<void> {
  await page.getByRole('button', { name }).click()
  const result = page.getByTestId('result')
  await result.waitFor()
  // The last receipt, so that the strip is seen, too.
  await result
    .getByRole('button', { name: /^Receipt \d+, /u })
    .last()
    .click()
}

if (import.meta.main) {
  await main(process.argv.slice(2))
}
