import assert from 'node:assert/strict'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type EngineStub, startEngineStub } from '@hanse/simulations/lab'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Child } from '../../scripts/demo/child.ts'
import { Market, NETWORK } from '../../scripts/demo/market.ts'
import { runScript } from '../support/hanse.ts'

const BIN = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const DOCTOR_MS = 60_000

interface Finding {
  readonly id: string
  readonly title: string
  readonly state: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly advice: string
}
interface Report {
  readonly code: number | null
  readonly why: readonly string[]
  readonly findings: readonly Finding[]
}

let stateDir = ''
let market: Market
let engine: EngineStub

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'hanse-doctor-test-'))
  engine = await startEngineStub({ model: 'stub-model', tokensPerSecond: 200 })
  const args = engineArgs()
  market = await Market.start({
    stateDir,
    providers: [
      { name: 'de', country: 'DE', inputPrice: '1', outputPrice: '2', args },
      { name: 'dear', country: 'NL', inputPrice: '900', outputPrice: '9000', args },
      { name: 'us', country: 'US', inputPrice: '1', outputPrice: '2', args },
    ],
  })
})
afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
  await engine?.close()
  await rm(stateDir, { recursive: true, force: true })
})

const engineArgs = () => [
  '--engine',
  'openai',
  '--engine-url',
  engine.url,
  '--models',
  'test/stub=stub-model',
]

async function doctor(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Report> {
  const command = [BIN, 'doctor', ...args, '--json']
  const { code, stdout, stderr } = await runScript(command, stateDir, DOCTOR_MS, env)
  assert.notEqual(stdout, '', stderr)
  const { programs } = JSON.parse(stdout) as { programs: Omit<Report, 'code'>[] }
  const [report] = programs
  assert.ok(report !== undefined)
  return { ...report, code }
}

const look = (name: string, more: readonly string[] = []) =>
  doctor(['provider', ...marketArgs(name), ...engineArgs(), ...more])

const marketArgs = (name: string) => [
  '--network',
  NETWORK,
  '--data-dir',
  join(stateDir, name),
  '--bootstrap',
  market.relayAddress,
  '--settlement-url',
  market.settlementUrl,
]

const lookAtGateway = (apiKey: string) =>
  doctor(['gateway', ...marketArgs('gateway'), '--gateway-url', market.gatewayUrl], {
    HANSE_SETTLEMENT_API_KEY: apiKey,
  })

function of({ findings }: Report, id: string): Finding {
  const finding = findings.find((one) => one.id === id)
  assert.ok(finding !== undefined, `${id} is not among ${findings.map((one) => one.id).join()}`)
  return finding
}

describe('a provider in a lab', () => {
  test('that is well fails in nothing: a stranger found it, dialed it, and may order', async () => {
    const report = await look('de')
    assert.deepEqual(
      report.findings.filter(({ state }) => state === 'fail'),
      [],
    )
    assert.equal(report.code, 0)
    for (const id of [
      'engine.answer',
      'network.bootstrap',
      'market.found',
      'reach.dial',
      'reach.dial-back',
      'identity.twin',
      'match.default',
      'settlement.payable',
      'clock.offset',
      'prices.market',
      'terms.payment',
    ])
      assert.equal(of(report, id).state, 'ok', JSON.stringify(of(report, id)))
    // Peers were asked while the doctor looked: the relay, another provider, the gateway.
    assert.match(String(of(report, 'reach.dial-back').facts.results), /from …\w{8}: answers/u)
    assert.match(String(of(report, 'clock.offset').facts.sources), /peer …/u)
    // It listens on loopback, as all of this market does.
    assert.equal(of(report, 'reach.listen').state, 'warn')
  })

  test('that asks too much is told what others ask', async () => {
    const report = await look('dear')
    const finding = of(report, 'prices.market')
    assert.equal(finding.state, 'warn')
    assert.match(finding.advice, /2\.00 EUR\/Mtok/u)
    assert.ok(report.why.includes('prices.market'))
  })

  test('outside the EU is told who excludes it', async () => {
    const report = await look('us')
    assert.equal(of(report, 'match.default').state, 'fail')
    assert.match(of(report, 'match.default').title, /US is outside EU/u)
    assert.equal(of(report, 'match.anywhere').state, 'ok')
    assert.equal(report.code, 1)
  })

  test('that nobody can pay, or that has no country or relay, is told so first', async () => {
    const report = await doctor([
      'provider',
      '--network',
      NETWORK,
      '--data-dir',
      join(stateDir, 'nowhere'),
      ...engineArgs(),
    ])
    assert.deepEqual(report.why.slice(0, 4), [
      'daemon.running',
      'terms.country',
      'network.bootstrap',
      'terms.payment',
    ])
    assert.equal(report.code, 1)
  })

  test('behind a relay that is gone sees that it is gone', async () => {
    const [, , , , port = ''] = market.relayAddress.split('/')
    const gone = market.relayAddress.replace(`/tcp/${port}/`, '/tcp/1/')
    const report = await look('de', ['--bootstrap', gone])
    assert.equal(of(report, 'network.bootstrap').state, 'fail')
    assert.match(of(report, 'network.bootstrap').title, /no relay answers/u)
  })

  test('whose engine is gone is told to start it', async () => {
    const report = await look('de', ['--engine-url', 'http://127.0.0.1:1/v1'])
    assert.equal(of(report, 'engine.ready').state, 'fail')
    assert.ok(report.why.includes('engine.ready'))
  })
})

test('a provider whose identity runs a second time elsewhere is told so', async () => {
  const folder = join(stateDir, 'copy')
  await mkdir(folder, { mode: 0o700 })
  await copyFile(join(stateDir, 'de', 'identity.key'), join(folder, 'identity.key'))
  await using copy = new Child(
    'copy',
    [BIN, 'provider', '--json', '--country', 'DE', ...marketArgs('copy'), ...engineArgs()],
    { cwd: stateDir, logPath: join(stateDir, 'copy.log') },
  )
  const { peerId, addresses } = await copy.event('ready')
  await copy.event('live')
  assert.equal(peerId, market.providers.get('de')?.peerId)
  const finding = of(await look('de'), 'identity.twin')
  assert.equal(finding.state, 'fail', JSON.stringify(finding))
  assert.deepEqual(finding.facts.addresses, addresses)
  assert.match(finding.advice, /identity\.key/u)
})

describe('a gateway', () => {
  test('without money is told to top up, and with it fails in nothing', async () => {
    const poor = await lookAtGateway(market.tenant.apiKey)
    assert.deepEqual(
      poor.findings.filter(({ state }) => state === 'fail').map(({ id }) => id),
      ['gateway.balance'],
    )
    await market.operator.topUp(market.tenant, 5_000n)
    const rich = await lookAtGateway(market.tenant.apiKey)
    assert.deepEqual(
      rich.findings.filter(({ state }) => state === 'fail'),
      [],
    )
    assert.equal(rich.code, 0)
    for (const id of ['gateway.offers', 'gateway.member', 'gateway.store', 'gateway.key'])
      assert.equal(of(rich, id).state, 'ok', JSON.stringify(of(rich, id)))
  })

  test('with a wrong key of its organization is told which variable to set', async () => {
    const report = await lookAtGateway('hanse_test_wrong')
    assert.equal(of(report, 'gateway.key').state, 'fail')
    assert.match(of(report, 'gateway.key').advice, /HANSE_SETTLEMENT_API_KEY/u)
    assert.equal(report.code, 1)
  })
})
