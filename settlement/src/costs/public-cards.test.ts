import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT_TOKEN } from '../access/testing/access-app.ts'
import { type App, createApp } from '../api/app.ts'
import type { PGliteStore } from '../db/pglite.ts'
import { openIngest } from '../ingest/ingest-service.ts'
import { openTestStore } from '../testing/database-template.ts'
import { addTenant, type TestContext, testContext } from '../testing/market.ts'
import { importCard } from './import-card.ts'
import { publishShippedCards } from './shipped-cards.ts'
import { cardText, flatModel } from './testing/card-text.ts'

let store: PGliteStore
let context: TestContext
let app: App

beforeAll(async () => {
  store = await openTestStore()
  context = testContext(store)
  app = await createApp(context, {
    operatorToken: ROOT_TOKEN,
    ingest: openIngest({ context, verifyThreads: 0 }),
  })
}, 120_000)
afterAll(async () => {
  await app?.close()
  await store?.close()
})

const publish = (text: string, owner: string | null = null) =>
  importCard(context, { owner, text, source: 'a test', actor: 'test', accept: true })
const ask = () => app.inject({ method: 'GET', url: '/v1/rate-cards/current' })

test('anybody reads the platform’s cards of today, with what is not verified marked so', async () => {
  await publishShippedCards(context)
  const { organization } = await addTenant(context, 0n)
  const special = { prices: { input: '3', output: '4' }, minimum: '1' }
  const tiered = {
    prices: {
      input: { mode: 'volume', tiers: [{ upTo: null, price: '1' }], free: '5' },
      output: '2',
    },
  }
  await publish(cardText('own-only', { m: flatModel('1', '2') }), organization)
  await publish(cardText('market', { m: flatModel('1', '2') }))
  await publish(cardText('elsewhere', { flat: flatModel('1.750', '14'), special, tiered }))
  const answer = await ask()
  expect(answer.statusCode).toBe(200)
  expect(answer.headers['cache-control']).toBe('public, max-age=300')
  const { rateCards } = answer.json()
  const names = rateCards.map(({ card }: { card: string }) => card)
  expect(names).toContain('openai')
  expect(names).not.toContain('own-only')
  expect(names).not.toContain('market')
  const openai = rateCards.find(({ card }: { card: string }) => card === 'openai')
  expect(openai).toMatchObject({ verified: false, currency: 'USD', publisher: 'OpenAI' })
  expect(openai.models).toContainEqual({
    model: 'gpt-5',
    input: '1.25',
    output: '10',
    hasPromptTiers: false,
  })
  // A price that depends on a month's amounts is none for everybody.
  const elsewhere = rateCards.find(({ card }: { card: string }) => card === 'elsewhere')
  expect(elsewhere.models).toEqual([
    { model: 'flat', input: '1.75', output: '14', hasPromptTiers: false },
  ])
})

test('an answer stands for five minutes, and then the newest version of a card counts', async () => {
  await publish(cardText('moving', { m: flatModel('1', '2') }))
  context.clock.now += 6 * 60_000
  const versionOf = async () =>
    (await ask()).json().rateCards.find(({ card }: { card: string }) => card === 'moving')?.version
  expect(await versionOf()).toBe(1)
  await publish(cardText('moving', { m: flatModel('1', '3') }))
  expect(await versionOf()).toBe(1)
  context.clock.now += 6 * 60_000
  expect(await versionOf()).toBe(2)
})
