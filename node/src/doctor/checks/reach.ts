import { isNarrower, scopeOf, widest } from '../address-scope.ts'
import { type Finding, fail, ok, unknown, warn } from '../finding.ts'
import type { ProviderFacts } from '../provider-facts.ts'

/** The offer is told again every ten minutes; after three times that, telling it fails. */
const LIVE_AGE_MAX_MS = 30 * 60_000

/** A provider that takes no orders has left the market on purpose: see daemon.state. */
const isAway = (status: ProviderFacts['status']): boolean =>
  status !== undefined && status.state !== 'serving'

export function peersConnected({ status, terms }: ProviderFacts): Finding | undefined {
  const id = 'network.peers'
  if (status === undefined) return undefined
  const { connections } = status
  if (connections > 0) return ok(id, `${connections} peers connected`, { connections })
  return terms.bootstrap.length === 0
    ? fail(
        id,
        'no peer is connected, and none is configured',
        'Name a relay of the network: --bootstrap /dns4/…/tcp/4001/p2p/12D3Koo….',
        { connections },
      )
    : fail(
        id,
        'no peer is connected',
        'See network.bootstrap below; a firewall must let outgoing TCP connections through.',
        { connections, bootstrap: terms.bootstrap },
      )
}

/** A fresh node joins as the daemon would, so a firewall and a wrong key show here too. */
export function bootstrapAnswers({ stranger, terms }: ProviderFacts): Finding {
  const id = 'network.bootstrap'
  if (terms.bootstrap.length === 0) {
    return fail(
      id,
      'no way into the network is configured',
      'Name a relay of the network: --bootstrap /dns4/…/tcp/4001/p2p/12D3Koo….',
    )
  }
  if (stranger === undefined)
    return unknown(id, 'relays were not tried', 'Run it again without --offline.')
  const { bootstraps } = stranger
  const joined = bootstraps.filter((bootstrap) => bootstrap.joined).length
  const silent = bootstraps.filter(({ answers }) => !answers).map(({ address }) => address)
  const facts = { relays: bootstraps.length, joined, silent }
  if (joined === bootstraps.length) return ok(id, `${joined} of ${joined} relays answer`, facts)
  if (joined > 0) {
    return warn(
      id,
      `${joined} of ${bootstraps.length} relays answer`,
      `Remove from --bootstrap what is gone: ${silent[0] ?? ''}`,
      facts,
    )
  }
  return silent.length === bootstraps.length
    ? fail(
        id,
        'no relay answers',
        `Check this machine’s connection and --bootstrap: nothing listens at ${silent[0] ?? ''}`,
        facts,
      )
    : fail(
        id,
        'a relay listens but does not speak with this node',
        'Check the peer id at the end of --bootstrap, and that the private network key is that of the relay (see network.key).',
        facts,
      )
}

/** A node with another pre-shared key reaches the port and fails in the first bytes: nothing else looks like it. */
export function networkKey({ stranger, terms }: ProviderFacts): Finding | undefined {
  const id = 'network.key'
  if (stranger === undefined || terms.bootstrap.length === 0) return undefined
  const deaf = stranger.bootstraps.filter(({ answers, joined }) => answers && !joined)
  if (stranger.joined) return ok(id, 'the relays speak with this node')
  if (deaf.length === 0) return undefined
  return fail(
    id,
    'every relay that listens hangs up: its private network has another key, or it has another peer id',
    'Use the same key file on every node of the private network (hanse network-key), or none at all for a public one.',
    { relays: deaf.map(({ address }) => address) },
  )
}

export function offerLive({ status, now }: ProviderFacts): Finding | undefined {
  const id = 'market.live'
  if (status === undefined || isAway(status)) return undefined
  const { live } = status
  if (live === undefined) {
    return fail(
      id,
      'the offer was never announced',
      'It is announced once a peer is connected: see network.peers and network.bootstrap.',
    )
  }
  const ageMs = now - live.at
  const minutes = Math.round(ageMs / 60_000)
  const facts = { peersTold: live.peersTold, ageMinutes: minutes, cid: live.cid }
  if (ageMs > LIVE_AGE_MAX_MS) {
    return fail(
      id,
      `the offer was last announced ${minutes} minutes ago, and consumers forget it`,
      'Check the connection to the relays (network.peers); a restart announces it at once.',
      facts,
    )
  }
  return live.peersTold === 0
    ? warn(
        id,
        'the offer is announced, but no peer keeps a copy of it',
        'Connect to more of the network: add relays to --bootstrap.',
        facts,
      )
    : ok(id, `announced ${minutes} min ago, kept by ${live.peersTold} peers`, facts)
}

export function strangersFindIt({ stranger, peerId, status }: ProviderFacts): Finding | undefined {
  const id = 'market.found'
  if (peerId === undefined || (status === undefined && stranger?.offer === undefined))
    return undefined
  if (isAway(status)) return undefined
  if (stranger === undefined || !stranger.joined) {
    return unknown(
      id,
      'whether strangers find the offer could not be tried',
      'See network.bootstrap: the look needs one relay that answers.',
    )
  }
  return stranger.listed
    ? ok(id, 'a node that knows nobody finds you in the DHT')
    : fail(
        id,
        'a node that knows nobody does not find you in the DHT',
        'Wait a minute after a start; if it stays so, check that --network and --bootstrap are those of the consumers.',
      )
}

export function strangersDialIt({ stranger, status }: ProviderFacts): Finding | undefined {
  const id = 'reach.dial'
  if (stranger === undefined || !stranger.listed || isAway(status)) return undefined
  // A daemon that has stopped stays listed for a while: that nobody reaches it is no news.
  if (status === undefined && stranger.offer === undefined) return undefined
  const facts = { addresses: stranger.dialed }
  return stranger.offer === undefined
    ? fail(
        id,
        'you are listed, but nobody gets your offer at the addresses that are announced',
        'Open the port in the firewall and forward it in the router, or connect to a relay that carries traffic (--bootstrap).',
        facts,
      )
    : ok(id, 'a stranger dialed you and got your offer', facts)
}

/** From this machine every own address answers: only how far an address reaches tells what others can do. */
export function listensWideEnough({ status, stranger, terms }: ProviderFacts): Finding | undefined {
  const id = 'reach.listen'
  const addresses = status?.addresses ?? stranger?.offer?.offer.addresses ?? terms.listen
  const direct = addresses.filter((address) => !address.includes('/p2p-circuit'))
  const relayed = addresses.filter((address) => address.includes('/p2p-circuit'))
  const market = widest(terms.bootstrap)
  const reach = widest(addresses)
  if (reach === undefined) {
    return fail(
      id,
      'it listens nowhere and has no relay',
      'Set --listen, such as /ip4/0.0.0.0/tcp/4001, or add a relay to --bootstrap.',
    )
  }
  const facts = { addresses, relayed: relayed.length, reach }
  const advice =
    'Listen on every interface: --listen /ip4/0.0.0.0/tcp/4001,/ip4/0.0.0.0/tcp/4002/ws'
  const narrow = market !== undefined && isNarrower(reach, market)
  if (reach === 'loopback') {
    return (narrow ? fail : warn)(
      id,
      'it listens on loopback only: nobody outside this machine can order',
      advice,
      facts,
    )
  }
  if (narrow) {
    return warn(
      id,
      'it announces private addresses only, and the network is a public one',
      'Forward the port in the router and announce the public address, or use a relay that carries traffic.',
      facts,
    )
  }
  const kind = direct.some((address) => scopeOf(address) === reach) ? 'directly' : 'by relay'
  return ok(id, `it is reached ${kind} (${reach} network)`, facts)
}
