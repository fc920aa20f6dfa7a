import { join } from 'node:path'
import {
  type FetchedOffer,
  type FrameStream,
  loadOrCreateIdentity,
  type Network,
  openNetwork,
  seedOf,
} from '@hanse/node'
import {
  commitPrompt,
  decodeProviderFrame,
  encodeFrame,
  type Order,
  order,
  type ProviderFrame,
  picoEuro,
  promptFrames,
  rejection,
  SESSION_PROTOCOL,
  type SignedRecord,
  type Signer,
  signerOf,
  signRecord,
} from '@hanse/protocol'
import { bytesFrom, type Random } from './random.ts'
import { NETWORK } from './soak-market.ts'

const SECRET = new Uint8Array(32).fill(7)

/** A peer that knows the protocol well enough to break its rules. */
export class Stranger implements AsyncDisposable {
  readonly signer: Signer
  readonly network: Network
  readonly offer: FetchedOffer
  readonly random: Random
  readonly #tell: (what: string) => void
  readonly #networkName: string

  private constructor(
    signer: Signer,
    network: Network,
    { offer, random, tell, networkName = NETWORK }: Omit<StrangerOptions, 'keyFile'>,
  ) {
    this.signer = signer
    this.network = network
    this.offer = offer
    this.random = random
    this.#tell = tell
    this.#networkName = networkName
  }

  static async open({ keyFile, ...options }: StrangerOptions): Promise<Stranger> {
    const privateKey = await loadOrCreateIdentity(keyFile)
    return new Stranger(signerOf(seedOf(privateKey)), await openPeer(privateKey), options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network.stop()
  }

  async openStream(protocol = SESSION_PROTOCOL): Promise<FrameStream> {
    const signal = AbortSignal.timeout(DIAL_MS)
    return (await this.network.openStream([...this.offer.addresses], protocol, { signal })).frames
  }

  /** An order that the provider takes, but for the changes. */
  order(changes: Partial<Order> = {}): SignedRecord {
    const [model] = this.offer.offer.models
    if (model === undefined) throw new Error('an offer without models')
    const value: Order = {
      consumer: this.signer.peerId,
      provider: this.offer.offer.provider,
      offer: this.offer.signed.cid,
      model: model.id,
      maxInputTokens: 200n,
      maxOutputTokens: 2_000n,
      inputPrice: model.inputPrice,
      outputPrice: model.outputPrice,
      authorization: null,
      residency: { allow: [], minLevel: 0 },
      promptCommitment: commitPrompt(SECRET, this.prompt),
      receiptEvery: 64n,
      creditWindow: picoEuro(10n ** 9n),
      deadlineMs: 20_000,
      issuedAt: Date.now(),
      notAfter: Date.now() + 60_000,
      nonce: bytesFrom(this.random, 16),
      quote: null,
      continues: null,
      ...changes,
    }
    return signRecord({ network: this.#networkName }, order, value, 'consumer', this.signer)
  }

  get prompt(): Uint8Array {
    return new TextEncoder().encode(
      JSON.stringify({
        model: this.offer.offer.models[0]?.id,
        messages: [{ role: 'user', content: 'hi' }],
        stream: true,
      }),
    )
  }

  /** Sends an order with its prompt. */
  async send(signed: SignedRecord): Promise<FrameStream> {
    const frames = await this.openStream()
    frames.write(orderFrame(signed))
    for (const frame of promptFrames(this.prompt)) frames.write(encodeFrame(frame))
    return frames
  }

  /** Reads until `last` says so, or the provider ends the stream; what comes is told. */
  async read(frames: FrameStream, last: (frame: ProviderFrame) => boolean): Promise<void> {
    try {
      for await (const bytes of frames) {
        const frame = decodeProviderFrame(bytes)
        if (frame.t === 'reject') this.#tell(rejection.decode(frame.rejection.bytes).code)
        else if (frame.t !== 'delta') this.#tell(frame.t)
        if (last(frame)) return
      }
      this.#tell('ended')
    } catch {
      this.#tell('cut')
    }
  }
}

export interface StrangerOptions {
  readonly keyFile: string
  readonly offer: FetchedOffer
  readonly random: Random
  readonly tell: (what: string) => void
  readonly networkName?: string
}

const DIAL_MS = 10_000

export function orderFrame({ bytes, signatures }: SignedRecord): Uint8Array {
  return encodeFrame({
    t: 'order',
    order: { bytes, signatures: [...signatures] },
    authorization: null,
    secret: SECRET,
    trace: null,
  })
}

/** Keys are kept, so that a peer comes back as itself. */
export function keyFileOf(folder: string, name: number | string): string {
  return join(folder, 'strangers', `${name}.key`)
}

export async function openPeer(
  privateKey: Parameters<typeof openNetwork>[0]['privateKey'],
): Promise<Network> {
  return await openNetwork({
    privateKey,
    listen: [],
    lan: true,
    dhtClient: true,
    validateRecord: async () => {},
    selectRecord: () => 0,
  })
}
