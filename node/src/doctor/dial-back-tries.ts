import type { DialFault, PeerReport } from '../network/index.ts'

/** What all peers together say of one address. */
export interface Tried {
  readonly address: string
  /** Without the peer id, which is the same in all. */
  readonly shown: string
  readonly host: string
  readonly port: string
  readonly relayed: boolean
  /** Peers that reached it. */
  readonly answers: number
  /** Of peers that dialed it in vain, most frequent first. */
  readonly faults: readonly DialFault[]
  /** Each peer's word: `from …abcd1234: timeout`. */
  readonly told: readonly string[]
}

/** A peer that would not dial says nothing of the address. */
const NOT_DIALED: ReadonlySet<DialFault> = new Set(['malformed', 'not-allowed', 'rate-limited'])

/** The addresses that peers were asked for, in the order in which they were first named. */
export function triedAddresses(
  peers: readonly Pick<PeerReport, 'peerId' | 'results'>[],
): readonly Tried[] {
  const results = peers.flatMap(({ peerId, results: each }) =>
    each.map((result) => ({ ...result, peerId })),
  )
  return [...Map.groupBy(results, ({ address }) => address)].map(([address, said]) => {
    const shown = address.replace(/(?<!\/p2p-circuit)\/p2p\/[^/]+$/u, '')
    const [, , host = '', , port = ''] = address.split('/')
    return {
      address,
      shown,
      host,
      port,
      relayed: address.includes('/p2p-circuit'),
      answers: said.filter(({ ok }) => ok).length,
      faults: byFrequency(said.flatMap(({ fault }) => fault ?? [])),
      told: said.map(({ peerId, fault }) => `from …${peerId.slice(-8)}: ${fault ?? 'answers'}`),
    }
  })
}

function byFrequency(faults: readonly DialFault[]): readonly DialFault[] {
  const dialed = Map.groupBy(
    faults.filter((fault) => !NOT_DIALED.has(fault)),
    (fault) => fault,
  )
  return [...dialed].toSorted(([, a], [, b]) => b.length - a.length).map(([fault]) => fault)
}
