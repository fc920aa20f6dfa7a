import assert from 'node:assert/strict'
import { picoEuro } from '@hanse/protocol'
import { describe, test } from 'vitest'
import type { Finding, FindingState } from './finding.ts'
import type {
  GatewayFacts,
  GatewaySettlementProbe,
  GatewayTerms,
  GatewayView,
  OffersView,
} from './gateway-facts.ts'
import { judgeGateway } from './judge-gateway.ts'
import { HEALTHY as PROVIDER } from './testing/healthy.ts'

const OFFERS: OffersView = { minLevel: 3, candidates: 2, freeSlots: 3, excluded: [] }
const VIEW: Extract<GatewayView, { answers: true }> = {
  answers: true,
  peerId: '12D3KooWGateway',
  connections: 4,
  offers: OFFERS,
  refusal: undefined,
  checkpoint: true,
  hasBasis: true,
}
const SETTLEMENT: GatewaySettlementProbe = {
  reachable: true,
  message: '',
  available: picoEuro(20n * 10n ** 12n),
  refusal: undefined,
  member: 'yes',
}
const HEALTHY: GatewayFacts = {
  terms: {
    url: 'http://127.0.0.1:8787',
    host: '127.0.0.1',
    hasApiKey: false,
    bootstrap: ['/ip4/198.51.100.7/tcp/4001'],
    residency: ['EU'],
    minLevel: 3,
    trusted: 0,
    settlementUrl: 'https://settlement.example',
    hasSettlementKey: true,
    euAudit: true,
    authorizationAmount: picoEuro(5n * 10n ** 12n),
  },
  view: VIEW,
  bootstraps: [{ address: '/ip4/198.51.100.7/tcp/4001', answers: true, joined: true }],
  settlement: SETTLEMENT,
  store: 'ok',
  clocks: [{ source: 'settlement', offsetMs: -3 }],
  machine: PROVIDER.machine,
}

const terms = (changes: Partial<GatewayTerms>): GatewayFacts => ({
  ...HEALTHY,
  terms: { ...HEALTHY.terms, ...changes },
})
const view = (changes: Partial<typeof VIEW>): GatewayFacts => ({
  ...HEALTHY,
  view: { ...VIEW, ...changes },
})
const offers = (changes: Partial<OffersView>): GatewayFacts =>
  view({ offers: { ...OFFERS, ...changes } })
const settlement = (changes: Partial<GatewaySettlementProbe>): GatewayFacts => ({
  ...HEALTHY,
  settlement: { ...SETTLEMENT, ...changes },
})
const relay = (answers: boolean): GatewayFacts => ({
  ...HEALTHY,
  bootstraps: [{ address: '/ip4/198.51.100.7/tcp/4001', answers, joined: false }],
})
const outside = { code: 'residency', message: 'US is outside EU', change: 'allow US' }
const dear = { code: 'price', message: 'output costs 9', change: 'raise the limit' }

const CASES: readonly (readonly [string, FindingState, GatewayFacts, RegExp])[] = [
  [
    'gateway.running',
    'fail',
    { ...HEALTHY, view: { answers: false, message: 'ECONNREFUSED' } },
    /ECONNREFUSED.*hanse gateway/u,
  ],
  [
    'gateway.access',
    'fail',
    view({ refusal: 'HANSE_UNAUTHENTICATED', offers: undefined }),
    /HANSE_API_KEY/u,
  ],
  ['gateway.exposed', 'fail', terms({ host: '0.0.0.0' }), /spend your money/u],
  ['gateway.basis', 'fail', view({ hasBasis: false }), /consent give/u],
  ['gateway.bootstrap', 'fail', relay(false), /what is gone/u],
  ['gateway.bootstrap', 'fail', relay(true), /private network/u],
  ['gateway.peers', 'fail', view({ connections: 0 }), /firewall/u],
  ['gateway.trust', 'fail', terms({ settlementUrl: undefined }), /--trust/u],
  ['gateway.offers', 'fail', offers({ candidates: 0 }), /no offer was found/u],
  [
    'gateway.offers',
    'fail',
    offers({ candidates: 0, excluded: [dear, outside, outside] }),
    /none of 3.*US is outside EU.*allow US/u,
  ],
  ['gateway.offers', 'warn', offers({ freeSlots: 0 }), /free slot/u],
  [
    'gateway.settlement',
    'fail',
    settlement({ reachable: false, message: 'no answer' }),
    /no answer/u,
  ],
  [
    'gateway.settlement',
    'warn',
    { ...terms({ settlementUrl: undefined }), settlement: undefined },
    /--unsecured-credit/u,
  ],
  ['gateway.key', 'fail', terms({ hasSettlementKey: false }), /HANSE_SETTLEMENT_API_KEY/u],
  [
    'gateway.key',
    'fail',
    settlement({ refusal: 'HANSE_UNAUTHENTICATED', available: undefined }),
    /does not know/u,
  ],
  ['gateway.balance', 'fail', settlement({ available: picoEuro(0n) }), /used up/u],
  [
    'gateway.balance',
    'warn',
    settlement({ available: picoEuro(10n ** 12n) }),
    /--authorization-amount/u,
  ],
  ['gateway.member', 'fail', settlement({ member: 'no' }), /12D3KooWGateway/u],
  ['gateway.member', 'unknown', settlement({ member: 'unknown' }), /not tried/u],
  ['gateway.log', 'unknown', view({ checkpoint: false }), /checkpoint/u],
  ['gateway.store', 'fail', { ...HEALTHY, store: 'page 7 is never used' }, /page 7/u],
  [
    'clock.offset',
    'fail',
    { ...HEALTHY, clocks: [{ source: 'settlement', offsetMs: 70_000 }] },
    /NTP/u,
  ],
  [
    'machine.disk',
    'fail',
    { ...HEALTHY, machine: { ...HEALTHY.machine, diskFreeBytes: 0 } },
    /too little/u,
  ],
  [
    'machine.memory',
    'warn',
    { ...HEALTHY, machine: { ...HEALTHY.machine, memoryFreeBytes: 0 } },
    /killed/u,
  ],
]

const of = (id: string, facts: GatewayFacts): Finding => {
  const finding = judgeGateway(facts).find((one) => one.id === id)
  assert.ok(finding !== undefined, `no finding ${id}`)
  return finding
}

describe('a gateway', () => {
  test('that is well gets no advice', () => {
    assert.deepEqual(
      judgeGateway(HEALTHY).filter(({ state }) => state !== 'ok'),
      [],
    )
  })

  test('is asked about every id at most once, and each is tested', () => {
    const ids = judgeGateway(HEALTHY).map(({ id }) => id)
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
    assert.equal(of(id, HEALTHY).state, 'ok')
  })

  test('that others reach with a key is well', () => {
    assert.equal(of('gateway.exposed', terms({ host: '0.0.0.0', hasApiKey: true })).state, 'ok')
  })

  test('that others reach, and that refuses whoever has no key, is well', () => {
    const facts = {
      ...terms({ host: '0.0.0.0' }),
      view: { ...VIEW, refusal: 'HANSE_UNAUTHENTICATED' },
    }
    assert.equal(of('gateway.exposed', facts).state, 'ok')
  })

  test('is not asked for a basis where none is asked for', () => {
    for (const facts of [terms({ euAudit: false }), view({ hasBasis: undefined })])
      assert.ok(judgeGateway(facts).every(({ id }) => id !== 'gateway.basis'))
  })
})
