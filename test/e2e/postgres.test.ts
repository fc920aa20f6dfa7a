import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres, type TestPostgres } from '@hanse/settlement/testing'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { entriesOf, Market } from '../../scripts/demo/market.ts'
import { sessionsOf, untilSettled } from '../support/sessions.ts'

let stateDir = ''
let postgres: TestPostgres
let market: Market

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'hanse-postgres-market-'))
  postgres = await startPostgres()
  market = await Market.start({
    stateDir,
    env: { DATABASE_URL: await postgres.createDatabase() },
    providers: [{ name: 'pt', country: 'PT', inputPrice: '60', outputPrice: '251.37' }],
  })
  await market.operator.topUp(market.tenant, 2_000n)
})

afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
  await postgres?.[Symbol.asyncDispose]()
  await rm(stateDir, { recursive: true, force: true })
})

describe('settlement on a real PostgreSQL', () => {
  test('books a chat, pays for it, and balances', async () => {
    const client = new OpenAI({ baseURL: `${market.gatewayUrl}/v1`, apiKey: 'none', maxRetries: 0 })
    const answer = await client.chat.completions.create({
      model: 'hanse/tiny-v1:f16',
      messages: [{ role: 'user', content: 'Tell me a story about a baker and a cat.' }],
      temperature: 0,
      max_tokens: 200,
    })
    assert.match(answer.choices[0]?.message.content ?? '', /Once upon a time/u)
    const [session] = await sessionsOf(market)
    const { amount } = await untilSettled(market, session?.session ?? '')
    const entries = await entriesOf(market, session?.session ?? '')
    assert.equal(
      entries.reduce((sum, entry) => sum + BigInt(entry.amount), 0n),
      BigInt(amount),
    )
    const [payout] = await market.operator.runPayouts()
    assert.equal(payout?.state, 'paid')
    assert.equal((await market.operator.checkLedger()).balanced, true)
  })
})
