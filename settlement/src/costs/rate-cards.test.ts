import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PGliteStore } from '../db/pglite.ts'
import { ingest } from '../receipts/ingest.ts'
import { openTestStore } from '../testing/database-template.ts'
import { makeDeal } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  hold,
  NETWORK,
  type TestContext,
  testContext,
} from '../testing/market.ts'
import { fetchCard } from './fetch-card.ts'
import { importCard, readCard } from './import-card.ts'
import { publishMarketCard } from './market-card.ts'
import { refreshCards } from './refresh-cards.ts'
import { publishShippedCards, shippedCards } from './shipped-cards.ts'
import { cardText, flatModel } from './testing/card-text.ts'

const HOUR_MS = 3_600_000

let store: PGliteStore
let context: TestContext
beforeAll(async () => {
  store = await openTestStore()
  context = testContext(store)
}, 120_000)
afterAll(() => store.close())

const newName = () => `card-${randomUUID()}`
const publish = (text: string, changes: object = {}) =>
  importCard(context, { owner: null, text, source: 'a test', actor: 'test', ...changes })

describe('publishing', () => {
  test('adds a version when something changed, and never changes one', async () => {
    const card = newName()
    const first = await publish(cardText(card, { m: flatModel('1', '2') }))
    expect(first).toMatchObject({ outcome: 'published', version: 1, diff: { added: ['m'] } })
    expect(await publish(cardText(card, { m: flatModel('1.0', '2') }))).toMatchObject({
      outcome: 'unchanged',
      version: 1,
      id: first.id,
    })
    const second = cardText(card, { m: flatModel('1.5', '2') })
    expect(await publish(second, { dryRun: true })).toMatchObject({
      outcome: 'dry-run',
      version: 1,
      diff: { changed: [{ what: 'input', percent: '50' }] },
    })
    expect(await publish(second)).toMatchObject({ outcome: 'published', version: 2 })
    for (const statement of [
      'update rate_card_version set version = 9',
      'delete from rate_card_version',
      'truncate rate_card_version',
    ]) {
      await expect(store.executeSql(statement)).rejects.toThrow()
    }
    const versions = await store.rateCards({ organization: null, card, limit: 10 })
    expect(versions.map(({ version }) => version)).toEqual([2, 1])
  })

  test('waits for a word when a price is ten times another', async () => {
    const card = newName()
    await publish(cardText(card, { m: flatModel('1', '2') }))
    const slip = cardText(card, { m: flatModel('1', '2000') })
    await expect(publish(slip)).rejects.toMatchObject({ code: 'HANSE_RATE_CARD_SUSPICIOUS' })
    expect(await publish(slip, { dryRun: true })).toMatchObject({
      diff: { suspicious: [expect.stringContaining('output')] },
    })
    expect(await publish(slip, { accept: true })).toMatchObject({ outcome: 'published' })
  })

  test('gives each of those who publish at once a number of its own', async () => {
    const card = newName()
    const results = await Promise.all(
      ['1', '2', '3', '4'].map((price) => publish(cardText(card, { m: flatModel(price, '1') }))),
    )
    const versions = results.map(({ version }) => version)
    expect(versions.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
  })

  test('of the release’s cards is done once, and not over an operator’s', async () => {
    const shipped = await shippedCards()
    await publish(cardText('openai', { m: flatModel('1', '2') }))
    expect(await publishShippedCards(context)).toBe(shipped.length - 1)
    expect(await publishShippedCards(context)).toBe(0)
  })

  test('an organization’s card is its own', async () => {
    const card = newName()
    const { organization } = await addTenant(context, 0n)
    const other = await addTenant(context, 0n)
    const own = await publish(cardText(card, { m: flatModel('1', '2') }), { owner: organization })
    const id = own.id ?? 0n
    expect(await store.rateCard(organization, id)).toMatchObject({ card, organization })
    expect(await store.rateCard(other.organization, id)).toBeUndefined()
    expect(await store.rateCard(null, id)).toBeUndefined()
  })
})

/** What a server of cards says next. */
interface Answer {
  status: number
  headers?: Record<string, string>
  body?: string
}

describe('a card with an address', () => {
  let server: Server
  let url: string
  let answer: Answer
  let asked: { etag: string | undefined }[]
  beforeEach(async () => {
    asked = []
    server = createServer((request, response) => {
      asked.push({ etag: request.headers['if-none-match'] })
      response.writeHead(answer.status, answer.headers).end(answer.body)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/card.json`
  })
  afterEach(() => new Promise((done) => server.close(done)))

  const waiting = async () =>
    (
      await store.executeSql(
        `select organization, subject, facts from notification_event where kind = 'rate_card.stale' order by id`,
      )
    ).rows as { organization: string | null; subject: string; facts: object }[]

  test('is fetched again, published when it changes, and told of after a day without success', async () => {
    const card = newName()
    const feeds = { ...context, rateCardFeeds: [{ card, url, provider: null }] }
    answer = {
      status: 200,
      headers: { etag: '"one"' },
      body: cardText('other-name', { m: flatModel('1', '2') }),
    }
    expect(await refreshCards(feeds)).toMatchObject({ tried: 1, published: 1, failed: 0 })
    expect(await refreshCards(feeds)).toMatchObject({ tried: 0 })
    context.clock.now += 6 * HOUR_MS
    answer = { status: 304 }
    expect(await refreshCards(feeds)).toMatchObject({ tried: 1, published: 0, failed: 0, stale: 0 })
    expect(asked).toEqual([{ etag: undefined }, { etag: '"one"' }])
    answer = { status: 500 }
    for (let hours = 0; hours < 30; hours++) {
      context.clock.now += HOUR_MS
      await refreshCards(feeds)
    }
    const [feed] = await store.rateCardFeeds(null)
    expect(feed).toMatchObject({ card, fault: 'HANSE_RATE_CARD_UNREACHABLE', etag: '"one"' })
    expect((await waiting()).filter(({ subject }) => subject === card)).toMatchObject([
      { organization: null, facts: { card, fault: 'HANSE_RATE_CARD_UNREACHABLE' } },
    ])
    expect((await store.newestRateCard(null, card))?.version).toBe(1)
    await refreshCards(context)
    expect(await store.rateCardFeeds(null)).toEqual([])
  })

  test('a feed does not publish what is suspicious or wrong', async () => {
    const card = newName()
    await publish(cardText(card, { m: flatModel('1', '2') }))
    const feeds = { ...context, rateCardFeeds: [{ card, url, provider: null }] }
    for (const [body, fault] of [
      [cardText(card, { m: flatModel('100', '2') }), 'HANSE_RATE_CARD_SUSPICIOUS'],
      ['<html>', 'HANSE_RATE_CARD_INVALID'],
    ] as const) {
      answer = { status: 200, body }
      context.clock.now += 6 * HOUR_MS
      expect(await refreshCards(feeds)).toMatchObject({ failed: 1 })
      expect(await store.rateCardFeeds(null)).toMatchObject([{ fault }])
    }
    await refreshCards(context)
  })

  test('of an organization is on the internet, never on this machine', async () => {
    const { organization } = await addTenant(context, 0n)
    const card = newName()
    answer = { status: 200, body: cardText(card, { m: flatModel('1', '2') }) }
    await store.putRateCardFeed(organization, { card, url, provider: null }, context.now())
    expect(await refreshCards(context)).toMatchObject({ failed: 1 })
    expect(asked).toEqual([])
    context.clock.now += 25 * HOUR_MS
    await refreshCards(context)
    expect(await waiting()).toContainEqual(expect.objectContaining({ organization, subject: card }))
    expect(await store.dropRateCardFeed(organization, card)).toBe(true)
  })

  test('is not followed to a private address, and not read without end', async () => {
    const loopback = (to: string) => fetchCard({ url: to, allowLoopback: true })
    for (const location of [
      url,
      'https://10.0.0.1/',
      'https://[::ffff:127.0.0.1]/',
      'file:///etc/passwd',
    ]) {
      answer = { status: 302, headers: { location } }
      await expect(loopback(url)).rejects.toMatchObject({ code: 'HANSE_RATE_CARD_ADDRESS' })
    }
    expect(asked).toHaveLength(4)
    answer = { status: 200, body: ' '.repeat(9 * 1024 * 1024) }
    await expect(loopback(url)).rejects.toThrow('too large')
  })

  test('has no private address, by number or by name', async () => {
    for (const address of [
      'http://example.com/card.json',
      'https://localhost/',
      'https://127.0.0.1/',
      'https://0x7f.1/',
      'https://192.168.1.1/',
      'https://169.254.169.254/',
      'https://[::1]/',
      'https://[fd00::1]/',
      'https://user:secret@example.com/',
      'ftp://example.com/',
      'nonsense',
    ]) {
      const fetched = fetchCard({ url: address, allowLoopback: false })
      await expect(fetched, address).rejects.toMatchObject({ code: 'HANSE_RATE_CARD_ADDRESS' })
    }
    const resolve = async () => [
      { address: '93.184.215.14', family: 4 },
      { address: '10.0.0.7', family: 4 },
    ]
    const fetched = fetchCard({ url: 'https://cards.example/', allowLoopback: true }, resolve)
    await expect(fetched).rejects.toMatchObject({ code: 'HANSE_RATE_CARD_ADDRESS' })
  })
})

test('the market’s card has the prices that tokens were settled at', async () => {
  const tenant = await addTenant(context, 100n)
  const provider = await addProvider(context)
  const at = context.now()
  const prices = [100_000n, 100_000n, 900_000n]
  const submissions = await Promise.all(
    prices.map(async (inputPrice) => {
      const authorization = await hold(context, tenant, provider, CENT)
      const parties = { network: NETWORK, consumer: tenant.consumer, provider, at }
      const deal = makeDeal({
        ...parties,
        authorization,
        orderChanges: { model: 'm/market', inputPrice: inputPrice as never },
      })
      return deal.submission(0, 5)
    }),
  )
  const results = await ingest(context, submissions)
  expect(results.map(({ status }) => status)).toEqual(['booked', 'booked', 'booked'])
  while ((await store.rollUpUsage()).more);
  const next = { ...context, now: () => at + 24 * HOUR_MS }
  expect(await publishMarketCard(next)).toMatchObject({ sessions: 3, version: 1 })
  const card = await store.newestRateCard(null, 'market')
  expect(readCard(card?.content ?? '').models['m/market']?.prices).toEqual({
    input: '0.0000001',
    output: '0.0000002',
  })
  const quiet = { ...context, now: () => at + 72 * HOUR_MS }
  expect(await publishMarketCard(quiet)).toEqual({ sessions: 0, version: null })
})
