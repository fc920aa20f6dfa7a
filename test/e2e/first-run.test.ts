import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Child } from '../../scripts/demo/child.ts'
import { entriesOf, Market, NETWORK } from '../../scripts/demo/market.ts'
import type { EngineDouble } from '../support/engine-double.ts'
import { hanse } from '../support/hanse.ts'
import { startOllamaDouble } from '../support/ollama-double.ts'
import { untilSettled } from '../support/sessions.ts'
import { TestTerminal } from '../support/terminal.ts'
import { startVllmDouble } from '../support/vllm-double.ts'

const HANSE = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const ENTER = '\r'

let stateDir = ''
let market: Market
let client: OpenAI
let ollama: EngineDouble
let vllm: EngineDouble

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'hanse-first-run-'))
  ollama = await startOllamaDouble({ tokens: 40 })
  vllm = await startVllmDouble({ tokens: 40 })
  market = await Market.start({
    stateDir,
    providers: [],
    gatewayArgs: ['--receipt-every', '16', '--keep-requests', 'true'],
  })
  await market.operator.topUp(market.tenant, 5_000n)
  client = new OpenAI({ baseURL: `${market.gatewayUrl}/v1`, apiKey: 'none', maxRetries: 0 })
})

afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
  await ollama?.[Symbol.asyncDispose]()
  await vllm?.[Symbol.asyncDispose]()
  await rm(stateDir, { recursive: true, force: true })
})

/** Settings that only the market of this test needs. */
const inThisMarket = (name: string): string[] => [
  '--network',
  NETWORK,
  '--data-dir',
  join(stateDir, name),
  '--bootstrap',
  market.relayAddress,
  '--settlement-url',
  market.settlementUrl,
  '--statement-every-ms',
  '1000',
]

/** A first start that nobody watches, until the market sees an offer with evidence. */
async function startUnattended(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ child: Child; models: string[] }> {
  const child = market.spawn(
    name,
    [HANSE, 'provider', '--yes', '--json', '--country', 'DE', ...inThisMarket(name), ...args],
    env,
    stateDir,
  )
  child.on((event, facts) => {
    if (event === 'onboarding') void fetch(String(facts.url)).catch(() => {})
  })
  const { models } = await child.event('ready')
  await child.event('live', ({ evidenceLevel }) => Number(evidenceLevel) >= 3)
  return { child, models: models as string[] }
}

/** Asks for an answer, and waits until what it cost is in the ledger. */
async function askAndSettle(
  model: string,
): Promise<{ text: string; booked: number; session: string }> {
  const { data, response } = await client.chat.completions
    .create({ model, messages: [{ role: 'user', content: 'Tell me a story.' }], max_tokens: 60 })
    .withResponse()
  const session = response.headers.get('x-hanse-session')
  assert.ok(session !== null)
  await untilSettled(market, session)
  return {
    text: data.choices[0]?.message.content ?? '',
    booked: (await entriesOf(market, session)).length,
    session,
  }
}

describe('an unattended first start', () => {
  test('serves the built-in engine, and is paid', async () => {
    const { models } = await startUnattended('builtin', ['--engine', 'builtin'])
    assert.deepEqual(models, ['hanse/tiny-v1:f16'])
    const { text, booked } = await askAndSettle('hanse/tiny-v1:f16')
    assert.ok(text.length > 0 && booked > 0)
  })

  test('gives answers that can be had again, byte for byte', async () => {
    const { session, text } = await askAndSettle('hanse/tiny-v1:f16')
    const bundle = join(stateDir, 'session.car')
    const response = await fetch(`${market.gatewayUrl}/hanse/v1/bundles/${session}`)
    await writeFile(bundle, new Uint8Array(await response.arrayBuffer()))
    const args = ['replay', bundle, '--gateway-url', market.gatewayUrl, '--json']
    const { code, stdout, stderr } = await hanse(args, stateDir)
    assert.equal(code, 0, stderr)
    const report = JSON.parse(stdout) as { reproduced: boolean; text: string }
    assert.equal(report.reproduced, true)
    assert.equal(report.text, text)

    const other = join(stateDir, 'other.json')
    await writeFile(other, '{"messages":[{"role":"user","content":"Something else."}]}')
    const wrong = await hanse([...args, '--request', other], stateDir)
    assert.equal(wrong.code, 1)
    assert.match(wrong.stdout, /"reproduced":false/u)
    assert.doesNotMatch(wrong.stdout + wrong.stderr, /Something else/u)
  })

  test('finds Ollama where its own variable says, serves it, and is paid', async () => {
    const { models } = await startUnattended('ollama', [], { OLLAMA_HOST: ollama.url })
    assert.ok(models.length > 0)
    assert.ok(
      models.every((name) => !name.startsWith('hanse/')),
      'the demonstration model is not sold beside real ones',
    )
    const [chatModel = ''] = models
    const { text, booked } = await askAndSettle(chatModel)
    assert.match(text, /t0 t1 t2/u)
    assert.ok(booked > 0)
  })

  test('identifies vLLM at a URL, serves it, is paid, and passes its errors on', async () => {
    const args = ['--engine', 'openai', '--engine-url', `${vllm.url}/v1`, '--metrics-port', '0']
    const { child, models } = await startUnattended('vllm', args)
    const [model = ''] = models
    const { text, booked } = await askAndSettle(model)
    assert.match(text, /t0 t1 t2/u)
    assert.ok(booked > 0)

    const { metricsUrl } = await child.event('ready')
    const metrics = await (await fetch(`${String(metricsUrl)}/metrics`)).text()
    assert.match(metrics, new RegExp(`request_success_total\\{[^}]*${model}[^}]*\\} 1`, 'u'))

    vllm.control.fault = 'busy'
    const error = await client.chat.completions
      .create({ model, messages: [{ role: 'user', content: 'again' }] })
      .catch((e: unknown) => e)
    vllm.control.fault = 'none'
    assert.ok(error instanceof APIError)
    assert.match(String(error.code), /^HANSE_(ENGINE|NO_PROVIDER)/u)
    assert.ok((await askAndSettle(model)).booked > 0, 'it serves again once the engine does')
  })
})

describe('an owner at a terminal', () => {
  const start = (name: string) =>
    new TestTerminal(
      process.execPath,
      [HANSE, 'provider', '--engine', 'builtin', ...inThisMarket(name)],
      {
        columns: 120,
        rows: 40,
        cwd: join(stateDir, 'owner'),
        env: { TZ: 'Europe/Vienna', OLLAMA_HOST: '' },
      },
    )

  beforeAll(async () => {
    await mkdir(join(stateDir, 'owner'), { recursive: true })
  })

  test('is asked once for what was not given, and is live', async () => {
    await using terminal = start('owner-node')
    await terminal.until(/Which country/u)
    assert.match(terminal.text(), /Austria \(AT\)/u)
    terminal.type(ENTER)
    await terminal.until(/Which models do you offer/u)
    assert.match(terminal.text(), /hanse\/tiny-v1:f16.*EUR\/Mtok/u)
    terminal.type(ENTER)
    await terminal.until(/At these prices/u)
    terminal.type(`\x1b[B${ENTER}`)
    await terminal.until(/per million input tokens/u)
    terminal.type(`\x15-1${ENTER}`)
    await terminal.until(/not a price/iu)
    terminal.type(`\x150.5${ENTER}`)
    await terminal.until(/per million output tokens/u)
    terminal.type(`\x151.25${ENTER}`)
    await terminal.until(/Go on the market now/u)
    terminal.type(ENTER)
    await terminal.until(/finish onboarding for payouts/u)
    const link = /https?:\/\/\S+/u.exec(terminal.text().split('finish onboarding')[1] ?? '')?.[0]
    assert.ok(link !== undefined)
    await terminal.until(/on the market/u)
    terminal.type('\x03')
    assert.equal((await terminal.exit(30_000)).code, 0)
    const kept = await readFile(join(stateDir, 'owner/.hanse/hanse.toml'), 'utf8')
    assert.match(kept, /country = "AT"/u)
    assert.match(kept, /tiny-v1:f16=0\.50\/1\.25/u)
  })

  test('is not asked again', async () => {
    await using terminal = start('owner-node')
    await terminal.until(/provider 12D3KooW\S+ in AT/u)
    assert.doesNotMatch(terminal.text(), /Which/u)
    await terminal.until(/in 0\.50 EUR\/Mtok, out 1\.25 EUR\/Mtok/u)
    terminal.type('\x03')
    assert.equal((await terminal.exit(30_000)).code, 0)
  })

  test('changes nothing by leaving in the middle', async () => {
    const cwd = join(stateDir, 'leaver')
    await mkdir(cwd)
    await using terminal = new TestTerminal(
      process.execPath,
      [HANSE, 'provider', '--engine', 'builtin', ...inThisMarket('leaver-node')],
      { columns: 120, rows: 40, cwd },
    )
    await terminal.until(/Which country/u)
    terminal.type('\x03')
    await terminal.until(/Nothing was changed/u)
    await terminal.exit(30_000)
    assert.equal(existsSync(join(cwd, '.hanse/hanse.toml')), false)
  })
})
