import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCheckpoint } from '@hanse/protocol'
import { afterAll, beforeAll, test } from 'vitest'
import { Market, NETWORK } from '../../scripts/demo/market.ts'
import { hanse } from '../support/hanse.ts'
import { sessionsOf, untilSettled } from '../support/sessions.ts'

const MODEL = 'hanse/tiny-v1:f16'
/** As an answer would quote it: nothing of it may be in any log. */
const PROMPT = 'Welches Schiff liegt im Hafen?'
const TRIES = 120
const TRY_MS = 500

let cwd = ''
let market: Market
let session = ''
/** The settlement's log before the session. */
let remembered = ''
const at = (name: string) => join(cwd, name)
const gatewayDir = () => ['--data-dir', at('market/gateway'), '--network', NETWORK]

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'hanse-audit-e2e-'))
  market = await Market.start({
    stateDir: at('market'),
    providers: [{ name: 'de', country: 'DE', inputPrice: '60', outputPrice: '250' }],
  })
  await market.operator.topUp(market.tenant, 1_000n)
  remembered = await (await fetch(`${market.settlementUrl}/log/checkpoint`)).text()
  const answer = await fetch(`${market.gatewayUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: MODEL,
      messages: [{ role: 'user', content: PROMPT }],
      max_tokens: 8,
    }),
  })
  assert.equal(answer.status, 200, await answer.text())
  session = (await sessionsOf(market))[0]?.session ?? ''
  await untilSettled(market, session)
}, 180_000)

afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
  rmSync(cwd, { recursive: true, force: true })
})

interface Found {
  readonly kind: string
  readonly entry: string | null
  readonly session?: string
  readonly model?: string
  readonly country?: string
  readonly amount?: string
}

async function search(...args: readonly string[]): Promise<Found[]> {
  const found = await hanse(['log', 'search', ...gatewayDir(), '--json', ...args], cwd)
  assert.equal(found.code, 0, found.stderr)
  return JSON.parse(found.stdout).events
}

/** The log is written every second. */
async function untilLogged(): Promise<void> {
  for (let i = 0; i < TRIES; i++) {
    const [found] = await search('--session', session)
    if (found !== undefined && found.entry !== null) return
    await new Promise((resolve) => setTimeout(resolve, TRY_MS))
  }
  throw new Error(`${session} is not in the gateway's log`)
}

async function ask<Body>(method: string, path: string, body?: object): Promise<Body> {
  const response = await fetch(`${market.settlementUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${market.tenant.apiKey}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  assert.equal(response.status, 200, `${method} ${path}`)
  return (await response.json()) as Body
}

function tamper(from: string, to: string, offset: number): void {
  const bytes = readFileSync(at(from))
  bytes[offset] = (bytes[offset] ?? 0) ^ 1
  writeFileSync(at(to), bytes)
}

test('a node’s log is searched, and tells model, country and cost', async () => {
  await untilLogged()
  const [found] = await search('--kind', 'session', '--model', MODEL, '--country', 'DE')
  assert.equal(found?.session, session)
  assert.ok(BigInt(found?.amount ?? '0') > 0n)
  assert.deepEqual(await search('--kind', 'session', '--country', 'FR'), [])
  const [policy] = await search('--kind', 'policy')
  assert.ok(policy !== undefined, 'where prompts may go is logged')
  const looks = await search('--kind', 'log-read')
  assert.ok(looks.length >= 3, 'each look is logged')

  const shown = await hanse(['log', 'search', ...gatewayDir()], cwd)
  assert.match(shown.stdout, /^ENTRY +WHEN +KIND/u)
  assert.ok(!shown.stdout.includes('\u001B'), 'no colours into a pipe')
  const wrong = await hanse(['log', 'search', ...gatewayDir(), '--from', 'yesterday'], cwd)
  assert.equal(wrong.code, 2, wrong.stderr)
})

test('a node’s evidence verifies anywhere, and shows a byte that was changed', async () => {
  await untilLogged()
  const packed = await hanse(
    ['log', 'package', ...gatewayDir(), '--session', session, '--out', 'node.zip', '--json'],
    cwd,
  )
  assert.equal(packed.code, 0, packed.stderr)
  assert.deepEqual(JSON.parse(packed.stdout), { file: 'node.zip', events: 1, sessions: 1 })
  const good = await hanse(['verify', 'node.zip', '--network', NETWORK], cwd)
  assert.equal(good.code, 0, good.stdout)
  assert.match(good.stdout, /VERIFIED/u)
  assert.ok(good.stdout.includes(`sessions/${session}.car`))
  const text = readFileSync(at('node.zip')).toString('latin1')
  assert.ok(text.includes('Prüfprotokoll') || text.includes('Pr\u00c3\u00bcfprotokoll'))
  assert.ok(!text.includes(PROMPT))

  tamper('node.zip', 'bad.zip', text.indexOf('"kind":"session"') + 9)
  const bad = await hanse(['verify', 'bad.zip', '--json'], cwd)
  assert.equal(bad.code, 1)
  const { verified, checks } = JSON.parse(bad.stdout)
  const failed = checks.filter(({ status }: { status: string }) => status === 'failed')
  assert.equal(verified, false)
  assert.ok(failed.some(({ path }: { path: string }) => path === 'events.jsonl'))
  const other = await hanse(['verify', 'node.zip', '--network', 'elsewhere'], cwd)
  assert.equal(other.code, 1)
  const none = await hanse(
    ['log', 'package', ...gatewayDir(), '--session', 'bafyabc', '--out', 'none.zip'],
    cwd,
  )
  assert.equal(none.code, 2, none.stderr)
  assert.ok(!existsSync(at('none.zip')))
})

test('settlement’s evidence of the same session is fetched and verifies, back to a log that was remembered', async () => {
  interface Wanted {
    readonly id: string
    readonly state: string
    readonly failure: string | null
    readonly file: string | null
  }
  const { size } = parseCheckpoint(remembered)
  const now = Date.now()
  const asked = await ask<Wanted>('POST', '/v1/audit/packages', {
    from: new Date(now - 3_600_000).toISOString(),
    to: new Date(now + 1_000).toISOString(),
    since: size.toString(),
  })
  let made = asked
  for (let i = 0; i < TRIES && made.state === 'waiting'; i++) {
    await new Promise((resolve) => setTimeout(resolve, TRY_MS))
    made = await ask<Wanted>('GET', `/v1/audit/packages/${asked.id}`)
  }
  assert.equal(made.state, 'done', made.failure ?? 'it takes too long')
  const file = await fetch(`${market.settlementUrl}${made.file}`, {
    headers: { authorization: `Bearer ${market.tenant.apiKey}` },
  })
  writeFileSync(at('settlement.zip'), new Uint8Array(await file.arrayBuffer()))
  writeFileSync(at('remembered'), remembered)
  const trust = ['--network', NETWORK, '--trust', market.settlementPeerId]
  const good = await hanse(
    ['verify', 'settlement.zip', ...trust, '--checkpoint', 'remembered'],
    cwd,
  )
  assert.equal(good.code, 0, good.stdout)
  assert.match(good.stdout, /only grew since the checkpoint given/u)
  assert.match(good.stdout, /authorization-issued/u)
  assert.match(good.stdout, /(?:receipt|statement)-settled/u)
  assert.match(good.stdout, /summary\.de\.pdf/u)
  tamper('settlement.zip', 'bad-settlement.zip', 5_000)
  assert.equal((await hanse(['verify', 'bad-settlement.zip', ...trust], cwd)).code, 1)

  const { events } = await ask<{ events: { kind: string; provider: string | null }[] }>(
    'GET',
    `/v1/audit/events?model=${encodeURIComponent(MODEL)}&country=DE`,
  )
  assert.ok(events.length > 0)
  const provider = market.providers.get('de')?.peerId
  assert.ok(events.every((event) => event.provider === provider))
})
