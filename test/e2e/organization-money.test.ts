import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@hanse/client'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { prepareDataDir } from '@hanse/settlement/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Finished, hanse } from '../support/hanse.ts'

let folder: string
let settlement: Settlement
let env: Record<string, string>

const at = new Date().toISOString()
const row = (id: string, model: string, spend: number, tag: string) =>
  JSON.stringify({
    request_id: id,
    startTime: at,
    model,
    custom_llm_provider: 'openai',
    prompt_tokens: 1000,
    completion_tokens: 200,
    spend,
    request_tags: [tag],
  })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-organization-money-'))
  await prepareDataDir(join(folder, 'settlement'))
  settlement = await openSettlement({
    dataDir: join(folder, 'settlement'),
    network: 'test',
    pressure: { eventLoopMs: Infinity },
  })
  const { url: baseUrl, operatorToken } = settlement
  const operator = createClient({ baseUrl, apiKey: operatorToken })
  const body = { name: 'Spender GmbH', consumers: [], lawfulBasis: 'contract' as const }
  const { apiKey } = await operator.post('/v1/admin/organizations', { body })
  const client = createClient({ baseUrl, apiKey })
  await client.post('/v1/imports/{format}', {
    params: { path: { format: 'litellm' } },
    body: [row('1', 'gpt-4o', 0.25, 'chat'), row('2', 'gpt-4o-mini', 0.5, 'search')].join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  })
  env = { HANSE_SETTLEMENT_URL: baseUrl, HANSE_SETTLEMENT_API_KEY: apiKey }
})
afterAll(async () => {
  await settlement?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const run = async (...args: string[]): Promise<Finished> => await hanse(args, folder, env)

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  assert.equal(code, 0, stderr)
  return stdout
}

describe('who answers for an organization’s money', () => {
  test('sees what it cost, by what they ask', async () => {
    const shown = await done('costs', '--by', 'model', '--period', '7d')
    assert.match(shown, /^MODEL +REQUESTS +INPUT +OUTPUT +COST$/mu)
    assert.match(shown, /^gpt-4o +1 +1000 +200 +0\.25 USD$/mu)
    assert.match(shown, /^total +2 +2000 +400 +0\.75 USD$/mu)
    const { costs } = JSON.parse(await done('costs', '--by', 'tag', '--json'))
    assert.deepEqual(costs.map(({ key }: { key: string }) => key).toSorted(), ['chat', 'search'])
    assert.match(await done('costs', '--by', 'key'), /nothing was used/u)
    assert.match(await done('costs', 'forecast', '--days', '3'), /^DAY +EXPECTED/mu)
  })

  test('makes, changes and removes budgets', async () => {
    assert.match(await done('budgets'), /No budgets/u)
    assert.match(await done('budgets', 'add', 'All', '--amount', '12.50'), /12\.50 EUR/u)
    await done('budgets', 'change', 'All', '--amount', '20', '--notify', '50,90', '--tag', 'chat')
    const { budgets } = JSON.parse(await done('budgets', 'list', '--json'))
    assert.equal(budgets.length, 1)
    const [{ amount, scope, thresholds, window }] = budgets
    assert.deepEqual(
      [amount, scope, window],
      ['20000000000000', { tag: 'chat' }, { kind: 'month' }],
    )
    assert.deepEqual(
      thresholds.map(({ percent, action }: { percent: number; action: string }) => [
        percent,
        action,
      ]),
      [
        [50, 'notify'],
        [90, 'notify'],
        [100, 'stop'],
      ],
    )
    assert.match(await done('budgets', 'history', 'All'), /^FROM +TO +SPENT +HELD$/mu)
    assert.match(await done('budgets', 'remove', 'All'), /budget All removed/u)
  })

  test('says which cost centre bears what, and tries rules before they count', async () => {
    assert.match(await done('costs', 'allocation', 'plans'), /No plans/u)
    const rules = [
      { name: 'chat', when: { tag: 'chat*' }, to: 'support' },
      { name: 'the rest', when: {}, to: 'all' },
    ]
    await writeFile(join(folder, 'rules.json'), JSON.stringify({ rules }))
    const tried = await done('costs', 'allocation', 'try', 'rules.json')
    assert.match(tried, /^With these rules:$/mu)
    assert.match(tried, /^As it is:$/mu)
    const set = ['costs', 'allocation', 'set', 'rules.json', '--month', '2026-10'] as const
    assert.match(await done(...set), /plan 1 counts from 2026-10 on, with 2 rules/u)
    assert.match(await done('costs', 'allocation', 'plans'), /^1 +2026-10 +2 /mu)
    const { plan } = JSON.parse(await done('costs', 'allocation', '--json'))
    assert.equal(plan.version, 1)
    await writeFile(join(folder, 'wrong.json'), '{"rules":[{"name":"x"}]}')
    const wrong = await run('costs', 'allocation', 'set', 'wrong.json')
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /HANSE_REQUEST_INVALID/u)
    const none = await run('costs', 'allocation', 'try', 'nowhere.json')
    assert.equal(none.code, 2)
  })

  test('has files made by themselves', async () => {
    assert.match(await done('costs', 'exports'), /No schedules/u)
    const added = await done(
      'costs',
      'exports',
      'add',
      'lake',
      '--content',
      'focus',
      '--every',
      'day',
    )
    assert.match(added, /^lake +focus, csv +day +90 days +exs_/mu)
    assert.match(await done('costs', 'exports', 'runs', '--schedule', 'lake'), /No files yet/u)
    const target = await run('costs', 'exports', 'target', 'lake', 'http://127.0.0.1:9/')
    assert.match(target.stderr, /HANSE_EXPORT_TARGET/u)
    assert.match(await done('costs', 'exports', 'target', 'lake', 'none'), /lake/u)
    const retry = await run('costs', 'exports', 'retry', 'exr_nothing')
    assert.match(retry.stderr, /HANSE_NOT_FOUND/u)
    assert.match(await done('costs', 'exports', 'remove', 'lake'), /schedule lake ended/u)
    assert.match(await done('costs', 'exports', 'list'), /No schedules/u)
  })

  test('is told what is wrong, and programs are by the exit code', async () => {
    const flag = await run('budgets', 'add', 'x', '--amount', 'much')
    assert.deepEqual([flag.code, /--amount: euro/u.test(flag.stderr)], [2, true])
    const card = await run('costs', 'what-if', '--card', 'nobody', '--period', '7d')
    assert.equal(card.code, 1)
    assert.match(card.stderr, /HANSE_NOT_FOUND|HANSE_PRICE_UNKNOWN/u)
    const key = { ...env, HANSE_SETTLEMENT_API_KEY: 'hanse_wrong' }
    const stranger = await hanse(['costs'], folder, key)
    assert.equal(stranger.code, 1)
    assert.match(stranger.stderr, /HANSE_UNAUTHENTICATED/u)
    const bare = await hanse(['costs'], folder, { HANSE_SETTLEMENT_URL: settlement.url })
    assert.deepEqual([bare.code, /HANSE_SETTLEMENT_API_KEY/u.test(bare.stderr)], [2, true])
  })
})
