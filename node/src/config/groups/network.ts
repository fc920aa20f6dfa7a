import * as kinds from '../kinds.ts'

/** Reaching and being reached: relays, NAT, private networks, who may connect. */
export const networkGroup = {
  relay: kinds.oneOf(['auto', 'on', 'off'], {
    description:
      'be reached through the relays of --bootstrap: when peers cannot dial this node, always, never',
    fallback: 'auto',
  }),
  viaRelays: kinds.relays({
    description:
      'relays that connections of this node may go through, by peer id; any, or none: what goes through is encrypted either way',
    fallback: 'any',
  }),
  announce: kinds.addresses({
    description: 'addresses to tell others besides those listened on, such as a forwarded port',
    fallback: [],
  }),
  lan: kinds.oneOf(['auto', 'on', 'off'], {
    description:
      'private addresses are worth telling others; auto: when all of --listen are private, or with --network-key',
    fallback: 'auto',
  }),
  mdns: kinds.toggle({
    description: 'find nodes of the same --network in the local network by multicast',
    fallback: false,
  }),
  networkKey: kinds.optionalText({
    description:
      'file with the key of a private network (hanse network-key); only its nodes connect',
    placeholder: '<file>',
  }),
  allowPeers: kinds.peerIds({
    description: 'peer ids that may connect, besides those of --bootstrap; all when empty',
    fallback: [],
  }),
  denyPeers: kinds.peerIds({ description: 'peer ids that may not connect', fallback: [] }),
  denyAddresses: kinds.ipBlocks({
    description: 'IP addresses and blocks that may not connect and are not dialed',
    fallback: [],
  }),
  connectionsMax: kinds.integer({
    description: 'open connections; 0 takes 300, or 3000 as a relay',
    fallback: 0,
    min: 0,
    max: 100_000,
  }),
  connectionsPerPeer: kinds.integer({
    description: 'connections of one peer',
    fallback: 8,
    min: 1,
    max: 1_024,
  }),
  connectionsPerAddress: kinds.integer({
    description: 'connections of one IPv4 address or one /64 of IPv6',
    fallback: 64,
    min: 1,
    max: 100_000,
  }),
  streamsMax: kinds.integer({
    description: 'streams of all peers that are served at once',
    fallback: 4_096,
    min: 16,
    max: 100_000,
  }),
  streamsPerSecond: kinds.integer({
    description:
      'streams of one protocol that one peer may open in a second; twice as many at once',
    fallback: 2_000,
    min: 1,
    max: 100_000,
  }),
} as const
