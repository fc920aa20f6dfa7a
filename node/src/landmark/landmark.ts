import {
  bytesEqual,
  CHALLENGE_BYTES,
  echoSigners,
  HanseError,
  landmarkEcho,
  landmarkPing,
  openSigned,
  type PeerId,
  type Place,
  type SignedRecord,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import { FrameError, type FrameStream } from '../network/index.ts'
import { TokenBuckets } from '../network/token-buckets.ts'
import {
  decodeRequest,
  decodeSigned,
  encodeSigned,
  LANDMARK_PROTOCOL,
  ROUNDS,
} from './landmark-messages.ts'

export interface LandmarkOptions {
  /** Where the landmark stands, as its owner publishes it. */
  readonly position: Place
  readonly context: { readonly network: string; readonly signer: Signer }
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds of a clock that only goes on, to a microsecond. */
  readonly monotonic: () => number
  readonly random: (bytes: number) => Uint8Array
}

/** What of a network is needed to serve. */
interface Host {
  handle(
    protocol: string,
    handler: (frames: FrameStream, peer: string) => Promise<void>,
    options?: { maxInboundStreams?: number },
  ): Promise<void>
}

/** For an attestor to be given it by who was measured. */
const PING_VALID_MS = 15 * 60_000
/** Of one frame: a round trip of more says nothing, and the record has room for no more. */
const ANSWER_MS = 10_000
const STREAMS_MAX = 1
// A provider is measured when its attestation is renewed, which is weekly, and when its owner tries it out.
const PEER_SERIES = { perSecond: 1 / 60, burst: 4, keysMax: 4_096 }
// Eight checks of a signature each: a hundredth of a core.
const ALL_SERIES = { perSecond: 10, burst: 40, keysMax: 1 }

/** Measures peers that ask for it, and signs what it measured. */
export class Landmark {
  readonly #options: LandmarkOptions
  readonly #byPeer: TokenBuckets
  readonly #all: TokenBuckets

  constructor(options: LandmarkOptions) {
    const { now } = options
    this.#options = options
    this.#byPeer = new TokenBuckets({ ...PEER_SERIES, now })
    this.#all = new TokenBuckets({ ...ALL_SERIES, now })
  }

  async serve(host: Host): Promise<void> {
    await host.handle(
      LANDMARK_PROTOCOL,
      async (frames, peer) => {
        try {
          await this.#measure(frames, peer)
        } catch (error) {
          // The peer sees that the stream broke; what it did wrong it knows.
          frames.abort(error instanceof Error ? error : new Error('not measured'))
        }
      },
      { maxInboundStreams: STREAMS_MAX },
    )
  }

  async #measure(frames: FrameStream, subject: string): Promise<void> {
    const nonce = decodeRequest(await nextFrame(frames))
    if (!this.#byPeer.take(subject) || !this.#all.take(''))
      throw new HanseError('HANSE_RATE_LIMITED', 'measured too often')
    let least = Number.POSITIVE_INFINITY
    for (let round = 0; round < ROUNDS; round++)
      least = Math.min(least, await this.#ping(frames, subject))
    frames.write(encodeSigned(this.#sign(subject, nonce, least)))
    await frames.end({ signal: AbortSignal.timeout(ANSWER_MS) })
  }

  /** @returns milliseconds. @throws when the answer is not by this subject to this question */
  async #ping(frames: FrameStream, subject: string): Promise<number> {
    const { context, monotonic, random } = this.#options
    const challenge = random(CHALLENGE_BYTES)
    // Before it is handed to the socket: what is added here makes the circle larger, never smaller.
    const began = monotonic()
    frames.write(challenge)
    frames.flush()
    const answer = await nextFrame(frames)
    const ended = monotonic()
    const echo = openSigned(context, landmarkEcho, decodeSigned(answer), echoSigners).value
    const isOurs = echo.subject === subject && echo.landmark === context.signer.peerId
    if (isOurs && bytesEqual(echo.challenge, challenge)) return ended - began
    throw new HanseError('HANSE_SIGNATURE_INVALID', 'an echo of another challenge')
  }

  #sign(subject: string, nonce: Uint8Array, milliseconds: number): SignedRecord {
    const { position, context, now } = this.#options
    const at = now()
    return signRecord(
      context,
      landmarkPing,
      {
        landmark: context.signer.peerId,
        subject: subject as PeerId,
        latitudeE4: Math.round(position.latitude * 10_000),
        longitudeE4: Math.round(position.longitude * 10_000),
        roundTripUs: Math.max(1, Math.ceil(milliseconds * 1000)),
        nonce,
        at,
        notAfter: at + PING_VALID_MS,
      },
      'landmark',
      context.signer,
    )
  }
}

export async function nextFrame(
  frames: FrameStream,
  signal = AbortSignal.timeout(ANSWER_MS),
): Promise<Uint8Array> {
  const frame = await frames.readFrame(signal)
  if (frame === undefined) throw new FrameError('HANSE_FRAME_CUT', 'the peer ended too early')
  return frame
}
