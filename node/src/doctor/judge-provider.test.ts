import assert from 'node:assert/strict'
import { parsePrice, picoEuro } from '@hanse/protocol'
import { HOUR_MS, NOW } from '@hanse/protocol/testing'
import { describe, test } from 'vitest'
import type { ProviderStatus } from '../provider/status.ts'
import type { Finding, FindingState } from './finding.ts'
import { judgeProvider } from './judge-provider.ts'
import type { ProviderFacts, ProviderTerms, StrangerView } from './provider-facts.ts'
import { HEALTHY, knownOffer, STATUS } from './testing/healthy.ts'
import { whyNoWork } from './why-no-work.ts'

const status = (changes: Partial<ProviderStatus>): ProviderFacts => ({
  ...HEALTHY,
  status: { ...STATUS, ...changes },
})
const terms = (changes: Partial<ProviderTerms>): ProviderFacts => ({
  ...HEALTHY,
  terms: { ...HEALTHY.terms, ...changes },
})
const stranger = (changes: Partial<StrangerView>): ProviderFacts => {
  assert.ok(HEALTHY.stranger !== undefined)
  return { ...HEALTHY, stranger: { ...HEALTHY.stranger, ...changes } }
}
const totals = (changes: Partial<ProviderStatus['totals']>): ProviderFacts =>
  status({ totals: { ...STATUS.totals, ...changes } })
const settled = (changes: Partial<NonNullable<ProviderStatus['settlement']>>): ProviderFacts => {
  assert.ok(STATUS.settlement !== undefined)
  return status({ settlement: { ...STATUS.settlement, ...changes } })
}
const probed = (changes: Partial<NonNullable<ProviderFacts['settlement']>>): ProviderFacts => {
  assert.ok(HEALTHY.settlement !== undefined)
  return { ...HEALTHY, settlement: { ...HEALTHY.settlement, ...changes } }
}
const models = (changes: Partial<ProviderStatus['models'][number]>): ProviderFacts =>
  status({ models: STATUS.models.map((model) => ({ ...model, ...changes })) })
const gpus = (changes: Partial<ProviderStatus['gpus'][number]>): ProviderFacts => ({
  ...status({ gpus: STATUS.gpus.map((gpu) => ({ ...gpu, ...changes })) }),
})
const engine = (changes: Partial<ProviderFacts['engines'][number]>): ProviderFacts => ({
  ...HEALTHY,
  engines: HEALTHY.engines.map((probe) => ({ ...probe, ...changes })),
})
const machine = (changes: Partial<ProviderFacts['machine']>): ProviderFacts => ({
  ...HEALTHY,
  machine: { ...HEALTHY.machine, ...changes },
})
const clock = (...offsets: readonly number[]): ProviderFacts => ({
  ...HEALTHY,
  clocks: offsets.map((offsetMs, i) => ({ source: `peer ${i}`, offsetMs })),
})
const relay = (answers: boolean, joined: boolean) => ({
  address: '/ip4/198.51.100.7',
  answers,
  joined,
})
const idle = gpus({ utilization: 0.9 })
const cheap = knownOffer({}, { outputPrice: parsePrice('0.05'), freeSlots: 9 })

/** Each row: the id, what it must say of these facts, and a word of its title or advice. */
const CASES: readonly (readonly [string, FindingState, ProviderFacts, RegExp])[] = [
  [
    'daemon.running',
    'fail',
    { ...stranger({ offer: undefined }), status: undefined },
    /hanse provider/u,
  ],
  ['daemon.running', 'warn', { ...HEALTHY, status: undefined }, /--data-dir/u],
  ['daemon.state', 'fail', status({ state: 'draining' }), /shutting down/u],
  [
    'daemon.state',
    'fail',
    status({ state: 'paused', pausedBy: ['paused by the owner'] }),
    /provider resume/u,
  ],
  [
    'daemon.state',
    'fail',
    status({ state: 'paused', pausedBy: ['outside the schedule'] }),
    /schedule/u,
  ],
  [
    'daemon.state',
    'fail',
    status({ state: 'paused', pausedBy: ['the engine ollama does not answer'] }),
    /engine\.ready/u,
  ],
  ['daemon.version', 'warn', status({ version: '1.2.2' }), /[Rr]estart/u],
  ['daemon.version', 'warn', { ...HEALTHY, latestVersion: '1.3.0' }, /hanse update/u],
  ['daemon.version', 'unknown', { ...HEALTHY, latestVersion: undefined }, /--check/u],
  ['terms.country', 'warn', status({ country: 'US' }), /outside the EU/u],
  ['terms.country', 'fail', { ...terms({ country: undefined }), status: undefined }, /--country/u],
  ['offer.models', 'fail', status({ models: [] }), /--models/u],
  ['offer.models', 'fail', models({ state: 'failed' }), /could not be loaded/u],
  [
    'engine.ready',
    'fail',
    status({ engines: [{ name: 'vllm', ready: false, message: 'no answer' }] }),
    /vllm/u,
  ],
  [
    'engine.ready',
    'fail',
    engine({ ready: false, message: 'connection refused' }),
    /--engine-url/u,
  ],
  ['engine.ready', 'unknown', { ...status({ engines: [] }), engines: [] }, /--engine/u],
  [
    'engine.answer',
    'fail',
    engine({ answer: { code: 'HANSE_ENGINE_FAILED', message: 'broke' } }),
    /broke/u,
  ],
  [
    'engine.answer',
    'warn',
    engine({ answer: { tokens: 8, firstTokenMs: 30_000, tokensPerSecond: 80 } }),
    /first token/u,
  ],
  [
    'engine.answer',
    'warn',
    engine({ answer: { tokens: 8, firstTokenMs: 300, tokensPerSecond: 1.5 } }),
    /1\.5 tokens/u,
  ],
  ['network.bootstrap', 'fail', terms({ bootstrap: [] }), /--bootstrap/u],
  [
    'network.bootstrap',
    'fail',
    stranger({ joined: false, bootstraps: [relay(false, false)] }),
    /nothing listens/u,
  ],
  [
    'network.bootstrap',
    'warn',
    stranger({ bootstraps: [relay(true, true), relay(false, false)] }),
    /1 of 2/u,
  ],
  ['network.bootstrap', 'unknown', { ...HEALTHY, stranger: undefined }, /not tried/u],
  [
    'network.key',
    'fail',
    stranger({ joined: false, bootstraps: [relay(true, false)] }),
    /network-key/u,
  ],
  ['network.peers', 'fail', status({ connections: 0 }), /no peer is connected/u],
  ['market.live', 'fail', status({ live: undefined }), /never announced/u],
  [
    'market.live',
    'fail',
    status({ live: { cid: 'b', at: NOW - HOUR_MS, peersTold: 9 } }),
    /60 minutes/u,
  ],
  ['market.live', 'warn', status({ live: { cid: 'b', at: NOW, peersTold: 0 } }), /no peer keeps/u],
  ['market.found', 'fail', stranger({ listed: false, offer: undefined }), /does not find/u],
  ['market.found', 'unknown', stranger({ joined: false }), /network\.bootstrap/u],
  ['reach.dial', 'fail', stranger({ offer: undefined }), /router/u],
  ['reach.listen', 'fail', status({ addresses: ['/ip4/127.0.0.1/tcp/4001'] }), /loopback only/u],
  ['reach.listen', 'warn', status({ addresses: ['/ip4/192.168.1.5/tcp/4001'] }), /private/u],
  ['reach.listen', 'fail', status({ addresses: [] }), /--listen/u],
  [
    'reach.dial-back',
    'fail',
    { ...status({ reachability: 'unreachable' }), dialBack: undefined },
    /Forward TCP port 4001.*--relay on/u,
  ],
  [
    'reach.dial-back',
    'unknown',
    { ...status({ reachability: 'unknown' }), dialBack: undefined },
    /some minutes/u,
  ],
  [
    'identity.twin',
    'fail',
    stranger({ twin: { addresses: ['/ip4/198.51.100.3/tcp/4001'], issuedAt: NOW } }),
    /198\.51\.100\.3.*identity\.key/u,
  ],
  ['terms.payment', 'fail', terms({ settlementUrl: undefined }), /--settlement-url/u],
  [
    'terms.payment',
    'warn',
    terms({ settlementUrl: undefined, unsecuredCredit: picoEuro(10n ** 12n) }),
    /never paid/u,
  ],
  [
    'terms.min-authorization',
    'warn',
    terms({ minAuthorization: picoEuro(6n * 10n ** 12n) }),
    /Lower/u,
  ],
  ['settlement.reachable', 'fail', probed({ reachable: false, message: 'refused' }), /refused/u],
  [
    'settlement.payable',
    'fail',
    probed({ payable: false, onboardingUrl: 'https://pay.example/x' }),
    /pay\.example/u,
  ],
  [
    'settlement.payable',
    'fail',
    {
      ...status({ settlement: undefined }),
      settlement: probed({ payable: undefined }).settlement,
    },
    /no payout account/u,
  ],
  [
    'settlement.receipts',
    'fail',
    settled({ refused: { HANSE_RECEIPT_EXPIRED: 2 } }),
    /HANSE_RECEIPT_EXPIRED/u,
  ],
  ['settlement.receipts', 'warn', settled({ unsettled: 5000 }), /5000/u],
  [
    'settlement.revocations',
    'warn',
    settled({ revocations: { known: 3, at: NOW - HOUR_MS, fault: 'nobody answers' } }),
    /nobody answers/u,
  ],
  [
    'settlement.revocations',
    'warn',
    settled({ revocations: { known: 0, at: 0, fault: 'no' } }),
    /none/u,
  ],
  ['evidence.level', 'fail', status({ evidenceLevel: 1 }), /level 1/u],
  [
    'evidence.level',
    'warn',
    { ...status({ evidenceLevel: 0 }), terms: terms({ settlementUrl: undefined }).terms },
    /--min-level/u,
  ],
  ['evidence.expiry', 'fail', status({ evidenceUntil: NOW - 1 }), /expired/u],
  ['evidence.expiry', 'warn', status({ evidenceUntil: NOW + 24 * HOUR_MS }), /1 days/u],
  [
    'match.default',
    'fail',
    stranger({ offer: { ...knownOffer(), attestations: [] } }),
    /evidence of location is level 0/u,
  ],
  ['match.default', 'fail', stranger({ offer: knownOffer({ country: 'US' }) }), /outside EU/u],
  ['match.default', 'fail', probed({ peerId: STATUS.peerId }), /level 0/u],
  ['match.anywhere', 'fail', stranger({ offer: knownOffer({ notAfter: NOW - 1 }) }), /expired/u],
  ['clock.offset', 'warn', clock(31_000), /31\.0 s fast/u],
  ['clock.offset', 'fail', clock(-61_000, -62_000, 0), /61\.0 s slow/u],
  ['clock.offset', 'unknown', clock(), /NTP/u],
  ['prices.market', 'warn', stranger({ others: [cheap] }), /100 % .*cheaper|--output-price/u],
  [
    'demand.rejected',
    'fail',
    totals({ sessions: 1, rejected: { HANSE_AUTHORIZATION_REQUIRED: 9 } }),
    /--settlement-url/u,
  ],
  [
    'demand.rejected',
    'warn',
    totals({ rejected: { HANSE_CAPACITY: 3, HANSE_ORDER_PRICE: 1 } }),
    /--slots/u,
  ],
  [
    'demand.failed',
    'fail',
    totals({ sessions: 8, failed: { HANSE_ENGINE_FAILED: 7 } }),
    /free memory/u,
  ],
  ['demand.failed', 'warn', totals({ failed: { HANSE_SOMETHING_NEW: 1 } }), /provider logs/u],
  ['demand.orders', 'warn', totals({ sessions: 0, completed: 0 }), /no order has ever come/u],
  [
    'demand.orders',
    'unknown',
    { ...totals({ sessions: 0 }), now: STATUS.startedAt + 1000 },
    /less than an hour/u,
  ],
  ['demand.slots', 'warn', models({ busy: 4, queued: 2 }), /2 orders wait/u],
  ['machine.heat', 'warn', gpus({ temperatureCelsius: 91 }), /91 °C/u],
  [
    'machine.gpu-use',
    'warn',
    {
      ...idle,
      status: {
        ...STATUS,
        ...idle.status,
        models: models({ busy: 0 }).status?.models ?? [],
      } as ProviderStatus,
    },
    /something else/u,
  ],
  ['machine.disk', 'fail', machine({ diskFreeBytes: 50e6 }), /too little/u],
  ['machine.disk', 'warn', machine({ diskFreeBytes: 500e6 }), /Free space/u],
  ['machine.disk', 'unknown', machine({ diskFreeBytes: undefined }), /df/u],
  ['machine.memory', 'warn', machine({ memoryFreeBytes: 1e9 }), /memory/u],
  ['market.others', 'unknown', stranger({ others: [] }), /nobody else/u],
]

const of = (id: string, facts: ProviderFacts): Finding => {
  const finding = judgeProvider(facts).find((one) => one.id === id)
  assert.ok(finding !== undefined, `no finding ${id}`)
  return finding
}

describe('a provider', () => {
  test('that is well gets no advice', () => {
    const complaints = judgeProvider(HEALTHY).filter(({ state }) => state !== 'ok')
    assert.deepEqual(complaints, [])
    assert.deepEqual(whyNoWork(judgeProvider(HEALTHY)), [])
  })

  test('is asked about every id at most once', () => {
    const ids = judgeProvider(HEALTHY).map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    assert.deepEqual(
      ids.filter((id) => !CASES.some(([tested]) => tested === id)),
      [],
    )
  })

  test.each(CASES)('%s: %s', (id, state, facts, words) => {
    const finding = of(id, facts)
    assert.equal(finding.state, state, JSON.stringify(finding))
    assert.match(`${finding.title} ${finding.advice}`, words)
    assert.notEqual(finding.advice, '')
    assert.equal(of(id, HEALTHY).state, 'ok')
  })

  test('with a small turn of the clock, the price or the disk is still well', () => {
    assert.equal(of('clock.offset', clock(30_000)).state, 'ok')
    assert.equal(of('clock.offset', clock(100_000, 10, -10)).state, 'ok', 'one wrong peer of three')
    const dearer = knownOffer({}, { outputPrice: parsePrice('0.50'), freeSlots: 3 })
    assert.equal(of('prices.market', stranger({ others: [cheap, dearer, dearer] })).state, 'ok')
    const other = knownOffer(
      {},
      { id: 'else/other:q4', aliases: [], outputPrice: parsePrice('0.01') },
    )
    assert.match(of('prices.market', stranger({ others: [other] })).title, /nobody else/u)
  })

  test('on loopback in a lab on loopback is only warned', () => {
    const lab = status({ addresses: ['/ip4/127.0.0.1/tcp/4001'] })
    const bootstrap = ['/ip4/127.0.0.1/tcp/4101/p2p/12D3KooWRelay']
    assert.equal(of('reach.listen', { ...lab, terms: { ...lab.terms, bootstrap } }).state, 'warn')
  })

  test('that is reached through a relay is as wide as its relay', () => {
    const relayed = `/ip4/198.51.100.7/tcp/4001/p2p/12D3KooWRelay/p2p-circuit`
    const finding = of('reach.listen', status({ addresses: ['/ip4/127.0.0.1/tcp/1', relayed] }))
    assert.equal(finding.state, 'ok')
    assert.match(finding.title, /by relay/u)
  })
})

describe('why no work came', () => {
  test('names causes before their effects, and what fails before what warns', () => {
    const facts = {
      ...stranger({ listed: false, offer: undefined, others: [cheap] }),
      clocks: [{ source: 'a', offsetMs: 90_000 }],
    }
    assert.deepEqual(
      whyNoWork(judgeProvider(facts)).map(({ id }) => id),
      ['market.found', 'clock.offset', 'prices.market'],
    )
  })

  test('of a paused provider is the pause: it has left the market on purpose', () => {
    const paused = {
      ...stranger({ listed: true, offer: undefined }),
      status: {
        ...STATUS,
        state: 'paused' as const,
        pausedBy: ['paused by the owner'],
        live: undefined,
      },
    }
    assert.deepEqual(
      whyNoWork(judgeProvider(paused)).map(({ id }) => id),
      ['daemon.state'],
    )
  })

  test('of a stopped daemon begins with that', () => {
    const [first] = whyNoWork(
      judgeProvider({ ...stranger({ offer: undefined }), status: undefined }),
    )
    assert.equal(first?.id, 'daemon.running')
  })
})
