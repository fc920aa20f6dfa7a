import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type DialFault,
  type DialResult,
  decodeAnswer,
  decodeGreeting,
  decodeRequest,
  encodeAnswer,
  encodeGreeting,
  encodeRequest,
} from './dial-back-messages.ts'
import { allowedToDial } from './dial-back-rules.ts'
import { FrameError } from './frame-decoder.ts'
import type { FrameStream } from './frame-stream.ts'
import { TokenBuckets } from './token-buckets.ts'

/** Longer than a handshake over a satellite; eight at once take no longer than one. */
const DIAL_MS = 4_000
/** For the question to come. */
const QUESTION_MS = 5_000
/** Above the sum of both: whoever asks waits no longer. */
export const DIAL_BACK_MS = 10_000

// A node asks at its start, then every quarter of an hour, and whenever its owner runs the doctor.
const PEER_QUESTIONS = { perSecond: 1 / 30, burst: 4, keysMax: 4_096 }
// Sixteen addresses' worth of packets a second, whoever asks.
const ALL_QUESTIONS = { perSecond: 4, burst: 16, keysMax: 1 }

export interface DialBackOptions {
  readonly lan: boolean
  readonly now: () => number
  /** Opens a connection of its own, even where there is one. */
  readonly dial: (address: Multiaddr, signal: AbortSignal) => Promise<Connection>
  readonly isConnected: (peer: string) => boolean
  /** Whether `peer` is reached through this very node, which cannot dial itself. */
  readonly relays: (peer: string) => boolean
  readonly self: string
}

/** Tells peers whether their addresses can be dialed from here. */
export class DialBack {
  readonly #options: DialBackOptions
  readonly #byPeer: TokenBuckets
  readonly #all: TokenBuckets

  constructor(options: DialBackOptions) {
    const { now } = options
    this.#options = options
    this.#byPeer = new TokenBuckets({ ...PEER_QUESTIONS, now })
    this.#all = new TokenBuckets({ ...ALL_QUESTIONS, now })
  }

  async serve(frames: FrameStream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    const asked = decodeRequest(await next(frames, AbortSignal.timeout(QUESTION_MS)))
    // At once, so that the two clocks can be compared to within the round trip.
    frames.write(
      encodeGreeting({ time: this.#options.now(), observed: connection.remoteAddr.toString() }),
    )
    frames.flush()
    const allowed = this.#byPeer.take(peer) && this.#all.take('')
    const results = await Promise.all(
      asked.map(async (address) =>
        allowed
          ? await this.#try(address, connection)
          : { address, ok: false, ms: 0, fault: 'rate-limited' as const },
      ),
    )
    frames.write(encodeAnswer(results))
    await frames.end({ signal: AbortSignal.timeout(QUESTION_MS) })
  }

  async #try(asked: string, { remotePeer, remoteAddr }: Connection): Promise<DialResult> {
    const { lan, isConnected, relays, self, dial, now } = this.#options
    const peer = remotePeer.toString()
    // Through ourselves: whoever holds a reservation is reached.
    if (asked.includes(`/p2p/${self}/p2p-circuit/`) && asked.endsWith(`/p2p/${peer}`))
      return result(asked, 0, relays(peer) ? null : 'refused')
    const address = allowedToDial(asked, { peer, remote: remoteAddr }, { lan, isConnected })
    if (typeof address === 'string') return result(asked, 0, address)
    const started = now()
    let fault: DialFault | null = null
    try {
      const connection = await dial(address, AbortSignal.timeout(DIAL_MS))
      // An abort, not a close: nothing was said on it, and nobody waits.
      connection.abort(new Error('dialed back'))
      if (!connection.remotePeer.equals(remotePeer)) fault = 'wrong-peer'
    } catch (error) {
      fault = faultOf(error)
    }
    return result(asked, Math.max(0, now() - started), fault)
  }
}

export interface Heard {
  /** Where the peer sees us. */
  readonly observed: string
  /** What to add to our clock to have the peer's, milliseconds. */
  readonly clockOffsetMs: number
  readonly results: readonly DialResult[]
}

/** Asks over an open stream. @throws when the peer answers with anything else, or not in time */
export async function askDialBack(
  frames: FrameStream,
  addresses: readonly string[],
  { now, signal }: { now: () => number; signal: AbortSignal },
): Promise<Heard> {
  const asked = now()
  frames.write(encodeRequest(addresses))
  await frames.end({ signal })
  const { time, observed } = decodeGreeting(await next(frames, signal))
  const clockOffsetMs = Math.round(time - (asked + now()) / 2)
  const results = decodeAnswer(await next(frames, signal))
  // Only what was asked for: the peer's word on other addresses is worth nothing.
  return {
    observed,
    clockOffsetMs,
    results: results.filter(({ address }) => addresses.includes(address)),
  }
}

async function next(frames: FrameStream, signal: AbortSignal): Promise<Uint8Array> {
  const frame = await frames.readFrame(signal)
  if (frame === undefined) throw new FrameError('HANSE_FRAME_CUT', 'the peer ended too early')
  return frame
}

function result(address: string, ms: number, fault: DialFault | null): DialResult {
  return { address, ok: fault === null, ms, fault }
}

function faultOf(error: unknown): DialFault {
  const all = error instanceof AggregateError ? [error, ...error.errors] : [error]
  const text = all.map((one) => (one instanceof Error ? `${one.name} ${one.message}` : '')).join()
  if (/ECONNREFUSED|ECONNRESET|NO_RESERVATION|status 204/u.test(text)) return 'refused'
  if (/Timeout|timed out|Abort|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/u.test(text)) return 'timeout'
  if (/EncryptionFailed|UnexpectedPeer|did not match/u.test(text)) return 'wrong-peer'
  return 'failed'
}
