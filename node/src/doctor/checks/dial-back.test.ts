import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { DialFault, PeerReport } from '../../network/index.ts'
import type { Finding } from '../finding.ts'
import type { ProviderFacts } from '../provider-facts.ts'
import { HEALTHY, STATUS } from '../testing/healthy.ts'
import { reachableByPeers } from './dial-back.ts'

const PUBLIC = '/ip4/203.0.113.9/tcp/4001/p2p/12D3KooWSelf'
const WEB = '/ip4/203.0.113.9/tcp/4002/ws/p2p/12D3KooWSelf'
const BRIDGE = '/ip4/172.17.0.1/tcp/4001/p2p/12D3KooWSelf'
const RELAYED = '/ip4/198.51.100.7/tcp/4001/p2p/12D3KooWRelay/p2p-circuit/p2p/12D3KooWSelf'

type Said = Readonly<Record<string, DialFault | 'ok'>>

const peer = (said: Said, observed = '/ip4/203.0.113.9/tcp/50123'): PeerReport => ({
  peerId: '12D3KooWAsked-abcd1234',
  observed,
  clockOffsetMs: 0,
  results: Object.entries(said).map(([address, word]) => ({
    address,
    ok: word === 'ok',
    ms: 10,
    fault: word === 'ok' ? null : word,
  })),
  fault: undefined,
})

function judge(
  peers: readonly PeerReport[],
  status: Partial<NonNullable<ProviderFacts['status']>> = {},
): Finding {
  const finding = reachableByPeers({
    ...HEALTHY,
    status: { ...STATUS, ...status },
    dialBack: { reachability: 'unknown', addresses: [], peers, clockOffsetMs: 0 },
  })
  assert.ok(finding !== undefined)
  return finding
}

describe('peers that were asked to dial back', () => {
  test('and reach an address, some of them, make it well', () => {
    const finding = judge([peer({ [PUBLIC]: 'ok' }), peer({ [PUBLIC]: 'timeout' })])
    assert.equal(finding.state, 'ok')
    assert.deepEqual(finding.facts.results, [
      '/ip4/203.0.113.9/tcp/4001 from …abcd1234: answers',
      '/ip4/203.0.113.9/tcp/4001 from …abcd1234: timeout',
    ])
  })

  test('and reach one of two public addresses say which port is shut', () => {
    const finding = judge([peer({ [PUBLIC]: 'ok', [WEB]: 'timeout' })])
    assert.equal(finding.state, 'warn')
    assert.match(finding.title, /not \/ip4\/203\.0\.113\.9\/tcp\/4002\/ws/u)
    assert.match(finding.advice, /open TCP port 4002 in the firewall/u)
  })

  test('and fail at a private address beside one that answers are no news', () => {
    assert.equal(judge([peer({ [PUBLIC]: 'ok', [BRIDGE]: 'refused' })]).state, 'ok')
  })

  test.each([
    ['timeout', /open TCP port 4001 in the firewall and forward it.*--relay on/u],
    ['refused', /203\.0\.113\.9 refuses TCP port 4001.*--announce/u],
    ['wrong-peer', /Another program or node answers.*--announce/u],
    ['failed', /firewall and the router for TCP port 4001/u],
  ] as const)('and all end in %s name the port and what to do', (fault, words) => {
    // The private address fails too; what is said is about the one that reaches furthest.
    const finding = judge([peer({ [BRIDGE]: 'refused', [PUBLIC]: fault })])
    assert.equal(finding.state, 'fail')
    assert.match(finding.advice, words)
  })

  test('and may dial none of the addresses tell where they see this machine', () => {
    const private_ = { reachability: 'unreachable', addresses: [BRIDGE] } as const
    const finding = judge([peer({ [BRIDGE]: 'not-allowed' }, '/ip4/203.0.113.77/tcp/5')], private_)
    assert.equal(finding.state, 'fail')
    assert.match(finding.advice, /--announce \/ip4\/203\.0\.113\.77\/tcp\/4001/u)
  })

  test('and dial no names leave it open when a name is announced', () => {
    const named = '/dns4/gpu.example/tcp/4001/p2p/12D3KooWSelf'
    const status = { reachability: 'unreachable', addresses: [named] } as const
    assert.equal(judge([peer({ [named]: 'not-allowed' })], status).state, 'unknown')
  })

  test('and were asked too often leave the word that was heard before', () => {
    const asked = [peer({ [PUBLIC]: 'rate-limited' })]
    assert.equal(judge(asked, { reachability: 'direct' }).state, 'ok')
    assert.equal(judge(asked, { reachability: 'unreachable' }).state, 'fail')
    assert.equal(judge(asked, { reachability: 'unknown' }).state, 'unknown')
  })

  test('and reach it through its relay alone make it well, and not when the relay has dropped it', () => {
    const status = { reachability: 'relayed', addresses: [RELAYED] } as const
    assert.equal(judge([peer({ [PUBLIC]: 'timeout', [RELAYED]: 'ok' })], status).state, 'ok')
    assert.equal(
      judge([peer({ [PUBLIC]: 'timeout', [RELAYED]: 'not-allowed' })], status).state,
      'ok',
    )
    const dropped = judge([peer({ [RELAYED]: 'refused' })], status)
    assert.equal(dropped.state, 'fail')
    assert.match(dropped.title, /p2p-circuit/u)
    assert.match(dropped.advice, /another relay/u)
  })
})
