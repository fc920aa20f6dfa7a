import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@hanse/client'
import { afterAll, beforeAll, test } from 'vitest'
import { Market } from '../../scripts/demo/market.ts'

const MODEL = 'hanse/tiny-v1:f16'
const HOUR_MS = 3_600_000
/** Statements wait for half a minute at most, notes for some seconds; the rest is for a machine that does other things too. */
const WAIT_MS = 100_000
/** In nothing that a provider is sent. */
const TEAM = 'geheimes-team'
const USER = 'geheimer-mensch'

let stateDir = ''
let market: Market

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'hanse-session-notes-'))
  market = await Market.start({
    stateDir,
    gatewayArgs: ['--session-notes', 'all'],
    providers: [{ name: 'de', country: 'DE', inputPrice: '60', outputPrice: '250' }],
  })
  await market.operator.topUp(market.tenant, 5_000n)
})
afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
  await rm(stateDir, { recursive: true, force: true })
})

/** A gateway that has just started may know nobody yet. */
async function ask(): Promise<void> {
  await waitFor('an answer', async () => {
    const response = await fetch(`${market.gatewayUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-hanse-team': TEAM,
        'x-hanse-tags': 'nightly',
      },
      body: JSON.stringify({
        model: MODEL,
        messages: [{ role: 'user', content: 'Tell me a story about a baker and a cat.' }],
        user: USER,
        metadata: { prompt_version: 'seven' },
        temperature: 0,
        max_tokens: 24,
      }),
    })
    await response.text()
    return response.status === 200 ? true : undefined
  })
}

/** What settlement knows, once its jobs have run. */
async function known() {
  for (const job of ['usage', 'service-measurement', 'session-notes'])
    await fetch(`${market.settlementUrl}/v1/admin/jobs/${job}/runs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${operatorToken()}` },
    })
  const client = createClient({ baseUrl: market.settlementUrl, apiKey: market.tenant.apiKey })
  const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS
  const iso = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z')
  const query = { from: iso(hour - HOUR_MS), to: iso(hour + HOUR_MS) }
  const by = async (group: 'tag' | 'user') => {
    const { usage } = await client.get('/v1/usage', { params: { query: { ...query, group } } })
    return Object.fromEntries(usage.map(({ key, sessions }) => [key, Number(sessions)]))
  }
  const { measurements } = await client.get('/v1/service-levels/measurements', {
    params: { query: { ...query, group: 'provider' } },
  })
  return { tags: await by('tag'), users: await by('user'), measured: measurements[0] }
}

let token = ''
const operatorToken = (): string => token

test('tags, users and times of sessions reach their payer’s settlement over a crash, each once, and no provider', async () => {
  const secrets = JSON.parse(await readFile(join(stateDir, 'demo.json'), 'utf8')) as {
    operatorToken: string
  }
  token = secrets.operatorToken
  await ask()
  await ask()
  // Before anybody was told of either.
  await market.gateway.killed()
  await market.restart('gateway')
  await ask()
  // Told again after an answer that was lost: the store of the gateway is the same, and so is what settlement knows.
  const found = await waitFor('the notes of three sessions', async () => {
    const now = await known()
    // Users are told by the notes themselves, tags by the sums, which learn of a note half a minute later at most.
    const all = now.users[USER] === 3 && now.tags.nightly === 3 && now.measured?.timed === '3'
    return all ? now : undefined
  })
  assert.deepEqual(found.tags, { nightly: 3, 'prompt:seven': 3, [`team:${TEAM}`]: 3 })
  // The crash took the end of the last answer or two with it, and none of their tags.
  assert.ok(Number(found.measured?.firstToken.observed) >= 1, JSON.stringify(found.measured))
  assert.ok((found.measured?.answer.msP95 ?? 0) > 0)
  assert.deepEqual((await known()).tags, found.tags)
  for (const word of [TEAM, USER]) {
    assert.equal(await holds(join(stateDir, 'de'), word), false, `the provider knows ${word}`)
    assert.equal(await holds(join(stateDir, 'gateway'), word), true, 'the gateway knows')
  }
})

async function waitFor<Found>(
  what: string,
  look: () => Promise<Found | undefined>,
): Promise<Found> {
  for (const until = Date.now() + WAIT_MS; Date.now() < until; ) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error(`${what}: not within ${WAIT_MS} ms`)
}

/** Whether any file in a folder has these bytes. */
async function holds(folder: string, word: string): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((each) => each.isFile()))
    if ((await readFile(join(entry.parentPath, entry.name))).includes(word)) return true
  return false
}
