import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type FrameStream,
  loadOrCreateIdentity,
  type Network,
  openNetwork,
  seedOf,
} from '@hanse/node'
import {
  decodeConsumerFrame,
  encodeCanonical,
  type Named,
  OFFER_PROTOCOL,
  type Offer,
  offer,
  picoEuro,
  SESSION_PROTOCOL,
  type SignedRecord,
  type Signer,
  signedFields,
  signerOf,
  signRecord,
} from '@hanse/protocol'
import { tcpPortOf, WireTap } from './wire-tap.ts'

export const NETWORK = 'test'
export const MODEL = 'test/model'
const context = { network: NETWORK }

export interface TappedPeerOptions {
  /** That its offer declares. */
  readonly country?: string
  /** What it shows of where it is; it may sign and cite what it likes. */
  readonly attest?: (subject: Signer) => readonly SignedRecord[]
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Its identity; a new one when not given. */
  readonly identity?: Identity
  /** A relay that is the only way to it. */
  readonly relay?: { readonly peerId: string; readonly address: string }
}

/** What every node finds in time on a loaded machine. */
const REACHED_MS = 20_000

export interface Identity {
  readonly privateKey: Awaited<ReturnType<typeof loadOrCreateIdentity>>
  readonly signer: Signer
}

export async function newIdentity(): Promise<Identity> {
  const folder = await mkdtemp(join(tmpdir(), 'hanse-identity-'))
  try {
    const privateKey = await loadOrCreateIdentity(join(folder, 'identity.key'))
    return { privateKey, signer: signerOf(seedOf(privateKey)) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The networks of these tests know nobody but whom they are told of. */
export async function openLoopback(
  { privateKey }: Identity,
  options: Partial<Parameters<typeof openNetwork>[0]> = {},
): Promise<Network> {
  return await openNetwork({
    privateKey,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    lan: true,
    dhtClient: true,
    validateRecord: async () => {},
    selectRecord: () => 0,
    ...options,
  })
}

/**
 * A provider that is whatever it claims to be. All that reaches it is kept twice: as it is on the wire, and as it is once its
 * own key has decrypted it. It answers no prompt: it has what it wanted.
 */
export class TappedPeer implements AsyncDisposable {
  readonly signer: Signer
  readonly network: Network
  /** Before its own port; where a relay is the only way to it, nothing comes here. */
  readonly tap: WireTap
  readonly signed: Named<Offer> & SignedRecord
  attestations: readonly SignedRecord[]
  /** The only way to it is through the tap, or a relay. */
  addresses: readonly string[]
  readonly #heard: Uint8Array[] = []
  /** Streams of sessions that were opened to it. */
  sessions = 0

  private constructor(
    signer: Signer,
    network: Network,
    tap: WireTap,
    { country = 'DE', attest = () => [], now = Date.now }: TappedPeerOptions,
  ) {
    this.signer = signer
    this.network = network
    this.tap = tap
    this.addresses = [`/ip4/127.0.0.1/tcp/${tap.port}/p2p/${signer.peerId}`]
    this.attestations = attest(signer)
    this.signed = signOffer(signer, country, now())
  }

  static async open(options: TappedPeerOptions = {}): Promise<TappedPeer> {
    await using stack = new AsyncDisposableStack()
    const { identity = await newIdentity(), relay } = options
    const relayed = relay === undefined ? {} : ({ relayUse: 'on' } as const)
    const network = stack.use(await openLoopback(identity, relayed))
    if (relay !== undefined) await reserve(network, relay.address)
    const tap = stack.use(await WireTap.open(tcpPortOf(network.addresses())))
    const peer = new TappedPeer(identity.signer, network, tap, options)
    if (relay !== undefined) peer.addresses = [`${relay.address}/p2p-circuit/p2p/${peer.peerId}`]
    await network.handle(OFFER_PROTOCOL, (frames) => peer.#tellOffer(frames))
    await network.handle(SESSION_PROTOCOL, (frames) => peer.#takeSession(frames))
    stack.move()
    return peer
  }

  get peerId(): string {
    return this.signer.peerId
  }

  /** Every byte that it could read. */
  plaintext(): Buffer {
    return Buffer.concat(this.#heard)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network.stop()
    await this.tap[Symbol.asyncDispose]()
  }

  async #tellOffer(frames: FrameStream): Promise<void> {
    const attestations = this.attestations.map(signedFields)
    frames.write(encodeCanonical({ offer: signedFields(this.signed), attestations }))
    await frames.end()
    for await (const frame of frames) this.#heard.push(frame)
  }

  async #takeSession(frames: FrameStream): Promise<void> {
    this.sessions++
    for await (const bytes of frames) {
      this.#heard.push(bytes)
      const frame = decodeConsumerFrame(bytes)
      if (frame.t === 'prompt' && frame.last) break
    }
    frames.abort(new Error('it has what it wanted'))
  }
}

/** Takes a place at a relay. */
async function reserve(network: Network, address: string): Promise<void> {
  const reached = Promise.withResolvers<void>()
  const isReached = (all: readonly string[]): boolean =>
    all.some((own) => own.includes('/p2p-circuit'))
  const stop = network.onAddresses((all) => {
    if (isReached(all)) reached.resolve()
  })
  const timer = setTimeout(() => reached.reject(new Error('no place at the relay')), REACHED_MS)
  try {
    network.keepConnected([address], 200)
    if (!isReached(network.addresses())) await reached.promise
  } finally {
    clearTimeout(timer)
    stop()
  }
}

function signOffer(signer: Signer, country: string, now: number): Named<Offer> & SignedRecord {
  const price = picoEuro(1n)
  const value: Offer = {
    provider: signer.peerId,
    sequence: 1n,
    issuedAt: now - 60_000,
    notAfter: now + 3_600_000,
    addresses: [],
    country,
    attestations: [],
    gpus: [],
    models: [
      {
        id: MODEL,
        aliases: [],
        digest: null,
        quantization: null,
        contextLength: 10_000,
        maxOutputTokens: 100,
        inputPrice: price,
        outputPrice: price,
        slots: 1,
        freeSlots: 1,
        tokensPerSecond: null,
        capabilities: ['chat'],
      },
    ],
    minAuthorization: picoEuro(0n),
    unsecuredCredit: picoEuro(10n ** 12n),
    protocolVersions: ['1.0.0'],
  }
  return signRecord(context, offer, value, 'provider', signer)
}
