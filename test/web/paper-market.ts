import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  loadOrCreateIdentity,
  type Network,
  openNetwork,
  openOfferValue,
  seedOf,
  selectNewestOffer,
} from '@hanse/node'
import {
  browseKey,
  type Evidence,
  encodeCanonical,
  landmarkPing,
  OFFER_PROTOCOL,
  type Offer,
  type OfferedModel,
  offer,
  picoEuro,
  regionAttestation,
  type SignedRecord,
  type Signer,
  signedFields,
  signerOf,
  signRecord,
} from '@hanse/protocol'

export interface RoundTrip {
  readonly latitude: number
  readonly longitude: number
  readonly ms: number
}

const NETWORK = 'paper'
const HOUR_MS = 3_600_000
/** Sixteen peers that start at once on two busy cores wait for each other's key exchanges. */
const JOIN_MS = 60_000
/** As long as a query takes there; one that takes longer has lost somebody on its way, and is begun again. */
const PROVIDE_MS = 30_000
const PROVIDES_MAX = 4

export interface PaperProvider {
  readonly country: string
  readonly models: readonly Partial<OfferedModel>[]
  /** What an attestor has signed of its place; nothing when left out. */
  readonly evidence?: readonly Evidence[]
  /** Landmarks that have measured it, each with how long it took; cited by its attestation. */
  readonly roundTrips?: readonly RoundTrip[]
  /** Somebody else signs the offer. */
  readonly isForged?: boolean
}

/**
 * A market on paper: real peers in a real DHT, on WebSockets of loopback, who hand out signed offers and sell nothing. Hundreds of
 * offers cost a process no more than their signatures.
 */
export class PaperMarket implements AsyncDisposable {
  readonly networkName = NETWORK
  /** Whose attestations count. */
  readonly attestor: Signer = signerOf(new Uint8Array(randomBytes(32)))
  readonly providers: string[] = []
  /** What landmarks have measured, by the provider. */
  readonly pings = new Map<string, readonly SignedRecord[]>()
  bootstrap = ''
  readonly #stack = new AsyncDisposableStack()
  #folder = ''

  static async open(providers: readonly PaperProvider[]): Promise<PaperMarket> {
    const market = new PaperMarket()
    try {
      await market.#open(providers)
      return market
    } catch (error) {
      await market[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #open(providers: readonly PaperProvider[]): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'hanse-paper-'))
    this.#stack.defer(() => rm(this.#folder, { recursive: true, force: true }))
    const meeting = await this.#peer('meeting')
    this.bootstrap = meeting.network.addresses()[0] ?? ''
    await Promise.all(providers.map(async (plan, at) => await this.#provider(plan, `p${at}`)))
  }

  async #provider(plan: PaperProvider, name: string): Promise<void> {
    const { signer, network } = await this.#peer(name)
    this.providers.push(signer.peerId)
    network.keepConnected([this.bootstrap])
    await network.whenConnected(AbortSignal.timeout(JOIN_MS))
    const { offer: signed, attestations } = this.#paper(plan, signer, network)
    const answer = encodeCanonical({
      offer: signedFields(signed),
      attestations: attestations.map(signedFields),
    })
    await network.handle(OFFER_PROTOCOL, async (frames) => {
      frames.write(answer)
      await frames.end()
    })
    await announce(network)
  }

  #paper(plan: PaperProvider, signer: Signer, network: Network) {
    const now = Date.now()
    const context = { network: NETWORK }
    const attestations: SignedRecord[] = []
    const cids: Offer['attestations'] = []
    const pings = (plan.roundTrips ?? []).map((trip) => pingOf(trip, signer, now))
    this.pings.set(signer.peerId, pings)
    const evidence: Evidence[] = [...(plan.evidence ?? [])]
    if (pings.length > 0) {
      evidence.push({ kind: 'latency', pings: pings.map(({ cid }) => cid), country: plan.country })
    }
    if (evidence.length > 0) {
      const levels = { declared: 1, geoip: 2, latency: 2, 'payout-account': 3, operator: 4 }
      const attested = signRecord(
        context,
        regionAttestation,
        {
          subject: signer.peerId,
          country: plan.country,
          evidence,
          level: Math.max(...evidence.map(({ kind }) => levels[kind])),
          notBefore: now - HOUR_MS,
          notAfter: now + 24 * HOUR_MS,
          issuer: this.attestor.peerId,
        },
        'attestor',
        this.attestor,
      )
      attestations.push(attested)
      cids.push(attested.cid)
    }
    const signed = signRecord(
      context,
      offer,
      {
        provider: signer.peerId,
        sequence: 1n,
        issuedAt: now,
        notAfter: now + HOUR_MS,
        addresses: network.addresses().slice(0, 4),
        country: plan.country,
        attestations: cids,
        gpus: [{ name: 'RTX 4090', vramBytes: 25_769_803_776n, count: 1 }],
        models: plan.models.map(modelOf),
        minAuthorization: picoEuro(0n),
        unsecuredCredit: picoEuro(0n),
        protocolVersions: ['1.0.0'],
      },
      'provider',
      plan.isForged === true ? this.attestor : signer,
    )
    return { offer: signed, attestations }
  }

  async #peer(name: string): Promise<{ signer: Signer; network: Network }> {
    const privateKey = await loadOrCreateIdentity(join(this.#folder, name))
    const network = await openNetwork({
      privateKey,
      listen: ['/ip4/127.0.0.1/tcp/0/ws'],
      lan: true,
      dhtClient: false,
      validateRecord: async (key, value) => {
        openOfferValue({ network: NETWORK }, key, value, Date.now())
      },
      selectRecord: (_key, values) => selectNewestOffer(values),
    })
    this.#stack.use(network)
    return { signer: signerOf(seedOf(privateKey)), network }
  }
}

async function announce(network: Network, attempt = 1): Promise<void> {
  try {
    await network.provide(browseKey('*'), { signal: AbortSignal.timeout(PROVIDE_MS) })
  } catch (error) {
    if (attempt >= PROVIDES_MAX) throw error
    await announce(network, attempt + 1)
  }
}

function pingOf({ latitude, longitude, ms }: RoundTrip, subject: Signer, now: number) {
  const landmark = signerOf(new Uint8Array(randomBytes(32)))
  const value = {
    landmark: landmark.peerId,
    subject: subject.peerId,
    latitudeE4: Math.round(latitude * 10_000),
    longitudeE4: Math.round(longitude * 10_000),
    roundTripUs: ms * 1_000,
    nonce: new Uint8Array(randomBytes(16)),
    at: now - 60_000,
    notAfter: now + HOUR_MS,
  }
  return signRecord({ network: NETWORK }, landmarkPing, value, 'landmark', landmark)
}

function modelOf(changes: Partial<OfferedModel>, at: number): OfferedModel {
  return {
    id: `hanse/paper-${at}:q4`,
    aliases: [],
    digest: null,
    quantization: 'q4',
    contextLength: 8_192,
    capabilities: ['chat'],
    inputPrice: picoEuro(100_000n),
    outputPrice: picoEuro(200_000n),
    maxOutputTokens: 4_096,
    slots: 4,
    freeSlots: 2,
    tokensPerSecond: 40,
    ...changes,
  }
}
