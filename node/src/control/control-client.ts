import { HanseError } from '@hanse/protocol'
import type { KeyStatus } from '../gateway/gateway-control.ts'
import type { ReachabilityReport } from '../network/reachability.ts'
import type { ProviderStatus } from '../provider/status.ts'
import type { GatewayMethod, GatewayRequest } from './answer-gateway.ts'
import type { ControlChannel } from './channel.ts'
import {
  type ControlRequest,
  type ControlValues,
  decodeAnswer,
  encodeRequest,
  type LogLines,
  type Ping,
} from './messages.ts'
import { within } from './within.ts'

/** Opens a channel to the daemon. @throws {HanseError} HANSE_CONTROL_UNREACHABLE */
export type OpenChannel = (signal: AbortSignal) => Promise<ControlChannel>

/** More than the daemon allows itself, so that its own fault is what is told. */
const ANSWER_MS = 30_000
/** For dialing through a relay. */
const OPEN_MS = 30_000

/** A running daemon, as its owner speaks to it. */
export class ControlClient {
  readonly #open: OpenChannel

  constructor(open: OpenChannel) {
    this.#open = open
  }

  async ping(): Promise<Ping> {
    return await this.#one({ method: 'ping' })
  }

  async status(): Promise<ProviderStatus> {
    return await this.#one({ method: 'status' })
  }

  /** What peers say that are asked now to dial the daemon. */
  async reachability(): Promise<ReachabilityReport> {
    return await this.#one({ method: 'reachability' })
  }

  async pause(): Promise<void> {
    await this.#one({ method: 'pause' })
  }

  async resume(): Promise<void> {
    await this.#one({ method: 'resume' })
  }

  /** Resolves once the daemon drains; its sessions may go on for long. */
  async drain(): Promise<void> {
    await this.#one({ method: 'drain' })
  }

  /** A status now and every so often, until the signal, or an end of the daemon. */
  async *watch(everyMs: number, signal: AbortSignal): AsyncGenerator<ProviderStatus> {
    yield* this.#many({ method: 'watch', everyMs }, everyMs + ANSWER_MS, signal)
  }

  /** The last lines, then, when following, each that comes. */
  async *logs(
    options: { readonly lines: number; readonly follow: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<LogLines> {
    // A quiet daemon logs nothing for hours.
    yield* this.#many(
      { method: 'logs', ...options },
      options.follow ? undefined : ANSWER_MS,
      signal,
    )
  }

  /** What a gateway answers to one of its methods. */
  async ask<Method extends GatewayMethod>(
    asked: GatewayRequest<Method>,
  ): Promise<ControlValues[Method]> {
    return (await this.#one(asked)) as ControlValues[Method]
  }

  /** The keys of a gateway, oldest first. */
  async keys(): Promise<KeyStatus[]> {
    const keys: KeyStatus[] = []
    const { signal } = new AbortController()
    for await (const some of this.#many({ method: 'keys' }, ANSWER_MS, signal)) keys.push(...some)
    return keys
  }

  async #one<Request extends ControlRequest>(
    asked: Request,
  ): Promise<ControlValues[Request['method']]> {
    for await (const value of this.#many(asked, ANSWER_MS, new AbortController().signal)) {
      return value
    }
    throw new HanseError('HANSE_CONTROL_UNREACHABLE', 'the daemon ended before it answered')
  }

  async *#many<Request extends ControlRequest>(
    asked: Request,
    answerMs: number | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<ControlValues[Request['method']]> {
    const method: Request['method'] = asked.method
    const channel = await this.#open(AbortSignal.any([signal, AbortSignal.timeout(OPEN_MS)]))
    const cut = (): void => channel.abort()
    signal.addEventListener('abort', cut)
    try {
      if (signal.aborted) return
      await channel.send(encodeRequest(asked), AbortSignal.timeout(ANSWER_MS))
      const frames = channel.frames()[Symbol.asyncIterator]()
      for (;;) {
        const next = frames.next()
        const frame = await (answerMs === undefined
          ? next
          : within(answerMs, 'the daemon does not answer', next))
        if (frame.done === true) {
          if (signal.aborted) return
          throw new HanseError('HANSE_CONTROL_UNREACHABLE', 'the daemon has ended')
        }
        const value = decodeAnswer(method, frame.value)
        if (value === undefined) return
        yield value
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof HanseError) throw error
      throw new HanseError('HANSE_CONTROL_UNREACHABLE', 'the daemon is gone', { cause: error })
    } finally {
      signal.removeEventListener('abort', cut)
      channel.abort()
    }
  }
}
