import type { Connection, ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  blockList,
  contains,
  ipOf,
  isRelayed,
  kindOfIp,
  ownerOf,
  relayOf,
} from './address-kinds.ts'
import { isBusy } from './busy-connection.ts'

export interface GateRules {
  /** Only these peers; everybody when empty. */
  readonly allowPeers: readonly string[]
  readonly denyPeers: readonly string[]
  /** IP addresses and CIDR blocks, neither dialed nor admitted. */
  readonly denyAddresses: readonly string[]
  /** Peer ids of the relays that connections may go through. */
  readonly relays: 'any' | readonly string[]
  readonly connectionsMax: number
  readonly connectionsPerPeer: number
  /** Of one IPv4 address or one /64 of IPv6. Private addresses do not count in a LAN. */
  readonly connectionsPerAddress: number
  readonly lan: boolean
}

/** Connections of one address that have not finished their handshake, which takes a few round trips. */
const HALF_OPEN_PER_ADDRESS = 16
/** Without a stream for this long, a connection makes room for another when all are taken. */
const IDLE_MS = 30_000
/** Peers refused at run time; the one that was refused first is forgotten. */
const DENIED_MAX = 4_096

/** Says who may connect, and how often. Counts by address and peer come from the connections' own events. */
export class PeerGate {
  readonly #rules: GateRules
  readonly #now: () => number
  readonly #allowed: ReadonlySet<string>
  readonly #denied: ReadonlySet<string>
  readonly #blocked
  readonly #deniedUntil = new Map<string, number>()
  readonly #protected = new Set<string>()
  readonly #connections = new Set<Connection>()
  readonly #owners = new Map<string, number>()
  readonly #halfOpen = new Map<string, number>()
  readonly #pending = new WeakMap<MultiaddrConnection, string>()

  constructor(rules: GateRules, now: () => number) {
    this.#rules = rules
    this.#now = now
    this.#allowed = new Set(rules.allowPeers)
    this.#denied = new Set(rules.denyPeers)
    this.#blocked = blockList(rules.denyAddresses)
  }

  /** Refuses a peer for a while. */
  deny(peer: string, forMs: number): void {
    this.#deniedUntil.delete(peer)
    this.#deniedUntil.set(peer, this.#now() + forMs)
    const oldest = this.#deniedUntil.keys().next()
    if (this.#deniedUntil.size > DENIED_MAX && oldest.done !== true)
      this.#deniedUntil.delete(oldest.value)
  }

  /** A peer that this node chose, such as a bootstrap: allowed, and never closed to make room. */
  protect(peer: string): void {
    this.#protected.add(peer)
  }

  permits(peer: string): boolean {
    if (this.#denied.has(peer)) return false
    const until = this.#deniedUntil.get(peer)
    if (until !== undefined && until > this.#now()) return false
    if (until !== undefined) this.#deniedUntil.delete(peer)
    return this.#allowed.size === 0 || this.#allowed.has(peer) || this.#protected.has(peer)
  }

  opened(connection: Connection): void {
    this.#connections.add(connection)
    this.#count(this.#owners, this.#ownerOf(connection.remoteAddr), 1)
  }

  closed(connection: Connection): void {
    if (!this.#connections.delete(connection)) return
    this.#count(this.#owners, this.#ownerOf(connection.remoteAddr), -1)
  }

  /** What libp2p asks. Its methods are called without their object. */
  readonly gater: ConnectionGater = {
    denyDialPeer: (peer) => !this.permits(peer.toString()),
    denyDialMultiaddr: (address) => this.blocks(address) || !this.#mayCarry(relayOf(address)),
    denyInboundConnection: (raw) => this.#deniesRaw(raw),
    denyInboundEncryptedConnection: (peer) => this.#deniesPeer(peer),
    denyOutboundEncryptedConnection: (peer) => !this.permits(peer.toString()),
    denyInboundUpgradedConnection: (_peer, raw) => {
      this.#finish(raw)
      return false
    },
    denyInboundRelayedConnection: (relay, peer) =>
      !this.permits(peer.toString()) || !this.#mayCarry(relay.toString()),
  }

  /** Whether the address is one of those denied. */
  blocks(address: Multiaddr): boolean {
    const ip = ipOf(address)
    return ip !== undefined && contains(this.#blocked, ip)
  }

  /** @param relay its peer id, empty where an address does not say which; `undefined` without one */
  #mayCarry(relay: string | undefined): boolean {
    const { relays } = this.#rules
    return relay === undefined || relays === 'any' || relays.includes(relay)
  }

  #deniesRaw(raw: MultiaddrConnection): boolean {
    if (this.blocks(raw.remoteAddr)) return true
    if (this.#connections.size >= this.#rules.connectionsMax && !this.#makeRoom()) return true
    const owner = this.#ownerOf(raw.remoteAddr)
    if (owner === undefined) return false
    const open = this.#owners.get(owner) ?? 0
    const halfOpen = this.#halfOpen.get(owner) ?? 0
    if (open + halfOpen >= this.#rules.connectionsPerAddress) return true
    if (halfOpen >= HALF_OPEN_PER_ADDRESS) return true
    this.#pending.set(raw, owner)
    this.#count(this.#halfOpen, owner, 1)
    raw.addEventListener('close', () => this.#finish(raw), { once: true })
    return false
  }

  /** Its handshake is over, one way or the other. */
  #finish(raw: MultiaddrConnection): void {
    const owner = this.#pending.get(raw)
    this.#pending.delete(raw)
    this.#count(this.#halfOpen, owner, -1)
  }

  #deniesPeer(id: PeerId): boolean {
    const peer = id.toString()
    if (!this.permits(peer)) return true
    let count = 0
    for (const { remotePeer } of this.#connections) if (remotePeer.equals(id)) count++
    return count >= this.#rules.connectionsPerPeer
  }

  /** Peers that connect and do nothing must not keep others out: the longest open of them goes. */
  #makeRoom(): boolean {
    const before = this.#now() - IDLE_MS
    // A Set keeps the order in which they were opened.
    for (const connection of this.#connections) {
      if (connection.timeline.open > before) return false
      if (this.#protected.has(connection.remotePeer.toString()) || isBusy(connection)) continue
      connection.abort(new Error('idle, and others want to connect'))
      return true
    }
    return false
  }

  /** `undefined` where connections of an address are not counted. */
  #ownerOf(address: Multiaddr): string | undefined {
    // What comes through a relay has the relay's address.
    if (isRelayed(address)) return undefined
    const ip = ipOf(address)
    if (ip === undefined || (this.#rules.lan && kindOfIp(ip) !== 'public')) return undefined
    return ownerOf(ip)
  }

  #count(counts: Map<string, number>, owner: string | undefined, by: number): void {
    if (owner === undefined) return
    const count = (counts.get(owner) ?? 0) + by
    if (count <= 0) counts.delete(owner)
    else counts.set(owner, count)
  }
}
