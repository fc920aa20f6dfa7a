import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { AccountSite } from '../../web/account-site.ts'
import { manyProviders } from '../../web/paper-offers.ts'
import { MarketSite } from '../../web/peer-sites.ts'
import type { Site } from '../../web/site.ts'

/** What the page's own part offers: `in-page.js`. */
const IN_PAGE = join(import.meta.dirname, 'in-page.js')
const RECEIPTS = 10_000
/** Until all receipts are there, or all offers: a look-up that misses a provider is made again after ten seconds. */
const ANSWERS_MS = 60_000
/** Markets of which one provider or another stays unfound, on a machine that is busy. */
const MARKETS_MAX = 3

export interface Effort {
  /** Our table and the plain one, in turns. */
  readonly rounds: number
  /** Filters of each round; the same four again and again. */
  readonly filters: number
  /** From one end of a table to the other. */
  readonly scrollMs: number
  /** Of the landing page and of the bare one, in each round. */
  readonly loads: number
}

/** Milliseconds, but for what says otherwise. */
export interface TableSamples {
  readonly filter: Record<'ours' | 'plain' | 'word', number[]>
  /** Between two frames while it scrolls, and while nothing happens. */
  readonly frames: Record<'ours' | 'plain' | 'still', number[]>
  /** Frames of ours that showed a part of the table without a row. */
  gaps: number
  /** In the whole page, by the table that is in it. */
  readonly elements: Record<'ours' | 'plain', number>
}

export interface LandingSamples {
  readonly lcp: Record<'ours' | 'bare', number[]>
  readonly shifts: number[]
  /** Compressed, as they come over the network. */
  readonly scriptBytes: number[]
  readonly styleBytes: number[]
}

/** One filter, and what it leaves: `word` is in the first row. */
interface Filter {
  readonly text: string
  readonly rows: number
  readonly word: string
}

interface Table {
  readonly page: Page
  /** Of the field of ours that is typed into, or chosen from. */
  readonly selector: string
  readonly filters: readonly Filter[]
  /** All rows, as the plain table shows them. */
  readonly texts: readonly (readonly string[])[]
  readonly heightPx: number
  readonly rowHeightPx: number
}

/** Ten thousand receipts of an organization. */
export async function measureReceipts(effort: Effort): Promise<TableSamples> {
  await using lab = await AccountSite.open()
  await using visit = await lab.site.visit(undefined)
  const { page } = visit
  await lab.fill(await lab.signUp(page, 'ada@example.org'), { count: RECEIPTS })
  const texts = await receiptTexts(page, lab.settlement.url)
  await page.addInitScript({ path: IN_PAGE })
  await page.goto(`${lab.site.web.url}/account/receipts`)
  await page.getByText('The newest 10,000 are shown.').waitFor({ timeout: ANSWERS_MS })
  const filters = [
    { text: 'model-7', rows: 1_000, word: 'acme/model-7' },
    { text: 'model-3 session00000', rows: 100, word: 'acme/model-3' },
    { text: 'session00004242', rows: 1, word: 'acme/model-2' },
    { text: '', rows: RECEIPTS, word: 'acme/' },
  ]
  const selector = 'input[type=search]'
  return await measureTable(
    { page, selector, filters, texts, heightPx: 620, rowHeightPx: 40 },
    effort,
  )
}

async function receiptTexts(page: Page, settlementUrl: string): Promise<string[][]> {
  const texts: string[][] = []
  for (let before: string | null = ''; before !== null; ) {
    const from: string = before === '' ? '' : `&before=${encodeURIComponent(before)}`
    const answer = await page.request.get(`${settlementUrl}/v1/receipts?limit=500${from}`)
    const { receipts, next } = (await answer.json()) as {
      receipts: Record<'session' | 'model' | 'amount' | 'outputTokens', string>[]
      next: string | null
    }
    for (const { session, model, amount, outputTokens } of receipts)
      texts.push([new Date().toISOString(), model, session, outputTokens, amount, 'complete'])
    before = next
  }
  return texts
}

/** 512 offers of sixteen providers, which the page finds in the DHT. */
export async function measureOffers(effort: Effort, attempt = 1): Promise<TableSamples> {
  await using lab = await MarketSite.open(manyProviders())
  await using visit = await lab.site.visit(undefined)
  const { page } = visit
  await page.addInitScript({ path: IN_PAGE })
  await page.goto(`${lab.site.web.url}/market`)
  try {
    await page.getByText('512 offers of 16 providers').waitFor({ timeout: ANSWERS_MS })
  } catch (error) {
    const found = await page.getByTestId('found').allInnerTexts()
    process.stderr.write(`not all offers were found: ${found.join() || 'none'}\n`)
    if (attempt >= MARKETS_MAX) throw error
    return await measureOffers(effort, attempt + 1)
  }
  const field = page.getByRole('form', { name: 'Filters' }).getByLabel('Model')
  const filters = [7, 8, 9].map((model) => ({ text: `m/${model}`, rows: 16, word: `m/${model}` }))
  const texts = manyProviders().flatMap(({ country, models }, at) =>
    models.map(({ id = '', outputPrice, tokensPerSecond, freeSlots }) => [
      id,
      country,
      lab.market.providers[at] ?? '',
      '1',
      '0.10',
      String(outputPrice),
      String(tokensPerSecond),
      String(freeSlots),
      '8192',
    ]),
  )
  const selector = `[id=${JSON.stringify(await field.getAttribute('id'))}]`
  return await measureTable(
    {
      page,
      selector,
      texts,
      heightPx: 620,
      rowHeightPx: 40,
      filters: [...filters, { text: '', rows: 512, word: 'm/' }],
    },
    effort,
  )
}

async function measureTable(table: Table, effort: Effort): Promise<TableSamples> {
  const { page, texts, heightPx, rowHeightPx } = table
  const samples: TableSamples = {
    filter: { ours: [], plain: [], word: [] },
    frames: { ours: [], plain: [], still: [] },
    gaps: 0,
    elements: { ours: await call<number>(page, 'elements'), plain: 0 },
  }
  await call(page, 'makePlain', texts, heightPx, rowHeightPx)
  for (let round = 0; round < effort.rounds; round++) {
    samples.frames.still.push(...(await scroll(page, 'nothing', effort.scrollMs)).frames)
    await measureOurs(table, effort, samples)
    await call(page, 'showPlain', true)
    samples.elements.plain = await call<number>(page, 'elements')
    await measurePlain(table, effort, samples)
    await call(page, 'showPlain', false)
  }
  return samples
}

async function measureOurs(table: Table, effort: Effort, samples: TableSamples): Promise<void> {
  const { page, selector, filters } = table
  for (const { text, rows, word } of again(filters, effort.filters)) {
    samples.filter.ours.push(await call<number>(page, 'filter', selector, text, rows, word))
    samples.filter.word.push(await call<number>(page, 'oneWord'))
  }
  const { frames, gaps } = await scroll(page, 'grid', effort.scrollMs)
  samples.frames.ours.push(...frames)
  samples.gaps += gaps
}

async function measurePlain(table: Table, effort: Effort, samples: TableSamples): Promise<void> {
  const { page, filters } = table
  for (const { text, rows } of again(filters, effort.filters))
    samples.filter.plain.push(await call<number>(page, 'filterPlain', text, rows))
  samples.frames.plain.push(...(await scroll(page, 'plain', effort.scrollMs)).frames)
}

/** Whole turns alone: the last one leaves all rows. */
function again(filters: readonly Filter[], count: number): Filter[] {
  const turns = Math.max(1, Math.round(count / filters.length))
  return Array.from({ length: turns }, () => filters).flat()
}

interface Scrolled {
  readonly frames: readonly number[]
  readonly gaps: number
}

const scroll = (page: Page, what: 'grid' | 'plain' | 'nothing', forMs: number): Promise<Scrolled> =>
  call<Scrolled>(page, 'scroll', what, forMs)

/** The landing page beside one that is nothing but its heading, each with an empty cache. */
export async function measureLanding(site: Site, effort: Effort): Promise<LandingSamples> {
  await using stack = new AsyncDisposableStack()
  const bare = await serveBare()
  stack.defer(() => void bare.close())
  const bareUrl = `http://127.0.0.1:${(bare.address() as AddressInfo).port}/`
  const samples: LandingSamples = {
    lcp: { ours: [], bare: [] },
    shifts: [],
    scriptBytes: [],
    styleBytes: [],
  }
  for (let load = 0; load < effort.rounds * effort.loads; load++) {
    const { lcpMs, cls, bytes } = await loaded(site, `${site.web.url}/`)
    samples.lcp.ours.push(lcpMs)
    samples.shifts.push(cls)
    samples.scriptBytes.push(bytes.script ?? 0)
    samples.styleBytes.push(bytes.stylesheet ?? 0)
    samples.lcp.bare.push((await loaded(site, bareUrl)).lcpMs)
  }
  return samples
}

async function loaded(site: Site, url: string) {
  await using visit = await site.visit(undefined)
  const { page } = visit
  const sizes: Promise<{ type: string; bytes: number }>[] = []
  page.on('requestfinished', (request) => {
    const type = request.resourceType()
    sizes.push(request.sizes().then(({ responseBodySize: bytes }) => ({ type, bytes })))
  })
  await page.addInitScript({ path: IN_PAGE })
  await page.goto(url, { waitUntil: 'networkidle' })
  const { lcpMs, cls } = await call<{ lcpMs: number; cls: number }>(page, 'paints')
  const bytes: Record<string, number> = {}
  for (const { type, bytes: of } of await Promise.all(sizes)) bytes[type] = (bytes[type] ?? 0) + of
  return { lcpMs, cls, bytes }
}

async function serveBare(): Promise<Server> {
  const page =
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Hanse</title><h1>GPU inference, sold peer to peer</h1>'
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function call<Answer = void>(page: Page, name: string, ...args: unknown[]): Promise<Answer> {
  const given = args.map((arg) => JSON.stringify(arg)).join(', ')
  return await page.evaluate<Answer>(`globalThis.webBench.${name}(${given})`)
}
