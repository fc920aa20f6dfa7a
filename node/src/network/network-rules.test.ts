import assert from 'node:assert/strict'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { test } from 'vitest'
import { announceOrder, blockList, contains, dialOrder, kindOf, ownerOf } from './address-kinds.ts'
import { allowedToDial } from './dial-back-rules.ts'
import { mdnsTagOf } from './mdns-tag.ts'
import { PeerGate } from './peer-gate.ts'
import { median, reachabilityOf } from './reachability.ts'
import { RELAY_LIMITS, RelayLedger } from './relay-limits.ts'
import { StreamAdmission } from './stream-admission.ts'
import { TokenBuckets } from './token-buckets.ts'

const PEER = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
const RELAY = '12D3KooWRm8J3iL796zPFi2EtGGtUJn58AG67gcRzQ4FENEemvpg'
const PUBLIC = '/ip4/203.0.113.7/tcp/4001'
const RELAYED = `/ip4/198.51.100.9/tcp/4001/p2p/${RELAY}/p2p-circuit`
const PRIVATE = '/ip4/192.168.1.5/tcp/4001'
const LOCAL = '/ip4/127.0.0.1/tcp/4001'

test('an offer lists what everybody can dial first, then relays, then what is near', () => {
  assert.deepEqual(announceOrder([LOCAL, PRIVATE, RELAYED, PUBLIC]), [
    PUBLIC,
    RELAYED,
    PRIVATE,
    LOCAL,
  ])
})

test('a stranger tries relays before private addresses, a neighbour after them', () => {
  const all = [LOCAL, PRIVATE, RELAYED, PUBLIC].map((text) => multiaddr(text))
  const sorted = (lan: boolean) => all.toSorted(dialOrder(lan)).map((address) => kindOf(address))
  assert.deepEqual(sorted(false), ['public', 'relayed', 'private', 'loopback'])
  assert.deepEqual(sorted(true), ['private', 'loopback', 'public', 'relayed'])
})

test('through relays that are not named nothing is dialed, and nobody is let in', () => {
  const rules = { allowPeers: [], denyPeers: [], denyAddresses: [], lan: true }
  const counts = { connectionsMax: 9, connectionsPerPeer: 9, connectionsPerAddress: 9 }
  const isLetBy = (relays: 'any' | readonly string[], text: string) => {
    const { gater } = new PeerGate({ ...rules, ...counts, relays }, () => 0)
    const isIn = gater.denyInboundRelayedConnection?.(
      peerIdFromString(RELAY),
      peerIdFromString(PEER),
    )
    return [gater.denyDialMultiaddr?.(multiaddr(text)), isIn].map((denied) => denied === false)
  }
  assert.deepEqual(isLetBy('any', RELAYED), [true, true])
  assert.deepEqual(isLetBy([RELAY], `${RELAYED}/p2p/${PEER}`), [true, true])
  assert.deepEqual(isLetBy([PEER], `${RELAYED}/p2p/${PEER}`), [false, false])
  assert.deepEqual(isLetBy([], '/ip4/198.51.100.9/tcp/4001/p2p-circuit'), [false, false])
  assert.deepEqual(isLetBy([], PUBLIC), [true, false])
})

test('of two addresses of one kind the WebSocket is tried last', () => {
  const all = [`${LOCAL}/ws`, LOCAL, `${PUBLIC}/tls/ws`, PUBLIC]
  assert.deepEqual(
    all
      .map((text) => multiaddr(text))
      .toSorted(dialOrder(false))
      .map(String),
    [PUBLIC, `${PUBLIC}/tls/ws`, LOCAL, `${LOCAL}/ws`],
  )
})

test.each([
  ['/ip4/100.64.0.1/tcp/1', 'private'],
  ['/ip4/172.32.0.1/tcp/1', 'public'],
  ['/ip6/fd00::1/tcp/1', 'private'],
  ['/ip6/::1/tcp/1', 'loopback'],
  ['/ip6/2001:4860::1/tcp/1', 'public'],
  ['/dns4/example.org/tcp/1', 'public'],
])('%s is %s', (address, kind) => {
  assert.equal(kindOf(multiaddr(address)), kind)
})

test('blocks of addresses contain theirs and no others, and nonsense is named', () => {
  const list = blockList(['203.0.113.0/24', '2001:db8::/32', '198.51.100.1'])
  assert.ok(contains(list, '203.0.113.200') && contains(list, '2001:db8:1::1'))
  assert.ok(contains(list, '198.51.100.1') && !contains(list, '198.51.100.2'))
  assert.ok(!contains(list, '203.0.114.1') && !contains(list, 'example.org'))
  for (const wrong of [
    '203.0.113.0/33',
    '203.0.113',
    'example.org',
    '1.2.3.4/x',
    '1.2.3.4/8/8',
    '/8',
  ])
    assert.throws(() => blockList([wrong]), new RegExp(wrong.replaceAll('.', '\\.')))
})

test('a home has one IPv4 address or one /64', () => {
  assert.equal(ownerOf('203.0.113.7'), '203.0.113.7')
  assert.equal(ownerOf('2001:db8:0:1::5'), ownerOf('2001:db8:0:1:ffff::9'))
  assert.notEqual(ownerOf('2001:db8:0:1::5'), ownerOf('2001:db8:0:2::5'))
  assert.equal(ownerOf('2001:db8::'), '2001:db8:0:0::/64')
  assert.equal(ownerOf('::ffff:203.0.113.7'), '203.0.113.7')
})

test('a bucket gives its burst, then its rate, and nothing to a clock that is set back', () => {
  let now = 0
  const buckets = new TokenBuckets({ perSecond: 2, burst: 3, keysMax: 2, now: () => now })
  const took = (times: number) => Array.from({ length: times }, () => buckets.take('a'))
  assert.deepEqual(took(4), [true, true, true, false])
  now = 500
  assert.deepEqual(took(2), [true, false])
  now = -10_000
  assert.deepEqual(took(1), [false])
  now = 1_000_000
  assert.deepEqual(took(4), [true, true, true, false])
  for (const key of ['b', 'c', 'd']) buckets.take(key)
  assert.equal(buckets.size, 2)
})

test('streams are admitted up to a rate for each peer and protocol, up to a sum for all, and floods are called so', () => {
  let now = 0
  const admission = new StreamAdmission({ perSecond: 5, most: 12 }, () => now)
  const admit = (peer: string, times: number, protocol = 'p') =>
    Array.from({ length: times }, () => admission.admit(peer, protocol))
  assert.deepEqual(new Set(admit('a', 10)), new Set(['served']))
  assert.deepEqual(admit('a', 1), ['too-often'])
  assert.deepEqual(admit('b', 3), ['served', 'served', 'too-many'])
  admission.release()
  assert.deepEqual(admit('b', 1), ['served'])
  assert.equal(admission.open, 12)
  const verdicts = admit('a', 3_000)
  assert.equal(verdicts.indexOf('flood'), 1_999)
  assert.equal(verdicts[0], 'too-often')
  now = 1_000
  admission.release()
  assert.deepEqual(admit('a', 1), ['served'])
})

test('a relay carries so much for one peer, at either end, and opens so many in a while', () => {
  let now = 0
  const ledger = new RelayLedger({ ...RELAY_LIMITS, circuitsPerPeer: 2 }, () => now)
  const ends = [ledger.open('a', 'p'), ledger.open('b', 'p')]
  assert.equal(ledger.admits('c', 'p'), false)
  assert.equal(ledger.admits('c', 'q'), true)
  ends[0]?.()
  assert.equal(ledger.admits('c', 'p'), true)
  const opened = Array.from({ length: 200 }, () => ledger.admits('greedy', 'q'))
  assert.equal(opened.filter(Boolean).length, 64)
  now = 1_000
  assert.equal(ledger.admits('greedy', 'q'), true)
})

test('a node dials back only the asker, at the address it asks from, or through a relay it is connected to', () => {
  const asker = { peer: PEER, remote: multiaddr('/ip4/203.0.113.7/tcp/50000') }
  const ask = (
    address: string,
    { lan = false, relays = [RELAY] as string[], from = asker } = {},
  ) => {
    const verdict = allowedToDial(address, from, {
      lan,
      isConnected: (peer) => relays.includes(peer),
    })
    return typeof verdict === 'string' ? verdict : 'dial'
  }
  const own = (address: string) => `${address}/p2p/${PEER}`
  assert.equal(ask(own(PUBLIC)), 'dial')
  assert.equal(ask(own(RELAYED)), 'dial')
  for (const [address, options] of [
    [PUBLIC, {}],
    [`${PUBLIC}/p2p/${RELAY}`, {}],
    [own('/ip4/203.0.113.8/tcp/4001'), {}],
    [own(PRIVATE), {}],
    [own('/dns4/victim.example/tcp/443'), {}],
    [own('/ip4/203.0.113.7/tcp/1/dns4/victim.example'), {}],
    [own(RELAYED), { relays: [] }],
    [own(`${RELAYED}/p2p/${RELAY}/p2p-circuit`), {}],
    [own('/ip4/203.0.113.8/tcp/4001'), { lan: true }],
    // Seen through a relay, the address is the relay's, and not the asker's.
    [own('/ip4/198.51.100.9/tcp/4001'), { from: { peer: PEER, remote: multiaddr(RELAYED) } }],
  ] as const)
    assert.equal(
      ask(address, { ...options, relays: [...('relays' in options ? options.relays : [RELAY])] }),
      'not-allowed',
      address,
    )
  assert.equal(ask(own(PRIVATE), { lan: true }), 'dial')
  assert.equal(ask('nonsense'), 'malformed')
})

test('what peers say makes one word', () => {
  const peer = (
    ok: boolean,
    address = PUBLIC,
    fault: 'refused' | 'rate-limited' | null = 'refused',
  ) => ({
    results: [{ address, ok, ms: 1, fault: ok ? null : fault }],
  })
  assert.equal(reachabilityOf([peer(false), peer(true)], [PUBLIC]), 'direct')
  assert.equal(reachabilityOf([peer(true, RELAYED), peer(false)], [PUBLIC, RELAYED]), 'relayed')
  assert.equal(reachabilityOf([peer(false)], [PUBLIC]), 'unreachable')
  assert.equal(reachabilityOf([peer(false, PUBLIC, 'rate-limited')], [PUBLIC]), 'unknown')
  assert.equal(reachabilityOf([], [PUBLIC]), 'unknown')
  assert.equal(reachabilityOf([], []), 'unreachable')
})

test('the median is that of the middle, and one liar does not move it', () => {
  assert.equal(median([]), undefined)
  assert.equal(median([-5, 1e12, 3]), 3)
  assert.equal(median([2, 4]), 3)
})

test('networks of different names ask multicast for different ones', () => {
  assert.notEqual(mdnsTagOf('lab'), mdnsTagOf('lab2'))
  assert.match(
    mdnsTagOf('A network’s name. With anything in it'),
    /^_hanse-[0-9a-f]{16}\._udp\.local$/u,
  )
})
