import * as kinds from '../kinds.ts'

/** What a relay carries for others, and measures for them. */
export const relayGroup = {
  landmark: kinds.position({
    description: 'where this relay stands; with it, it measures round trips to whoever asks',
  }),
  relayReservations: kinds.integer({
    description: 'nodes that are reached through this relay; 0 relays nothing',
    fallback: 512,
    min: 0,
    max: 100_000,
  }),
  relayReservationsPerAddress: kinds.integer({
    description: 'of them, behind one IPv4 address or one /64 of IPv6',
    fallback: 16,
    min: 1,
    max: 100_000,
  }),
  relayConnectionsPerPeer: kinds.integer({
    description: 'connections relayed at once from or to one peer',
    fallback: 128,
    min: 1,
    max: 512,
  }),
  relayDataLimit: kinds.integer({
    description: 'bytes that a relayed connection carries in each direction; 0 for no limit',
    placeholder: '<bytes>',
    fallback: 2 ** 30,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  relayDurationMs: kinds.integer({
    description: 'how long a relayed connection lasts, ms; 0 for no limit',
    placeholder: '<ms>',
    fallback: 0,
    min: 0,
    max: 2 ** 31 - 1,
  }),
} as const
