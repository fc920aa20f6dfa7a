import { setTimeout as delay } from 'node:timers/promises'
import { asHanseError, HanseError } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { GatewayControl } from '../gateway/gateway-control.ts'
import type { ProviderControl } from '../provider/status.ts'
import { answerGateway } from './answer-gateway.ts'
import type { ControlChannel } from './channel.ts'
import {
  type ControlMethod,
  type ControlRequest,
  type ControlValues,
  decodeRequest,
  encodeValue,
  endFrame,
  faultFrame,
  logAnswers,
  shortReport,
  shortStatus,
} from './messages.ts'
import { within } from './within.ts'

/** The part of a log that its readers need. */
export interface LogSource {
  tail(count: number): string[]
  /** @returns what ends it */
  follow(listener: (line: string) => void): () => void
}

export interface ControlServiceOptions {
  /** What it steers: a provider, or a gateway. */
  readonly control?: ProviderControl
  readonly gateway?: GatewayControl
  readonly logs: LogSource
  readonly log: FastifyBaseLogger
  readonly peerId: string
  readonly version: string
}

/** A client sends its request at once; a second is a slow link. */
const REQUEST_MS = 10_000
/** A terminal that is stopped by Ctrl-S reads nothing; it is cut off rather than waited for. */
const SEND_MS = 10_000
/** For the last frame to be read by the other side, which then ends the channel. */
const LINGER_MS = 5_000
/** The longest that pausing or a status may take; GPUs, engines and peers are asked for it. */
const ANSWER_MS = 20_000
/** How long draining is watched for a fault that comes at once: it lasts as long as its sessions do. */
const DRAIN_FAULT_MS = 200
/** Dashboards and log readers at a time, over all transports; an owner has a few screens. */
export const FOLLOWERS_MAX = 8
/** Log lines that wait for a slow reader; older ones are dropped, and it is told how many. */
const WAITING_LINES_MAX = 1_000

/** Answers an owner's requests, one a channel. */
export class ControlService {
  readonly #options: ControlServiceOptions
  #followers = 0

  constructor(options: ControlServiceOptions) {
    this.#options = options
  }

  /** Serves one request and ends the channel. Never rejects. @param by who asks, for the log */
  async serve(channel: ControlChannel, by: string): Promise<void> {
    await this.#take(channel, async (frame, left) => {
      await this.#answer(decodeRequest(frame), channel, left, by)
    })
  }

  /** Answers whatever is asked with a fault, and ends the channel. Never rejects. */
  async refuse(channel: ControlChannel, fault: HanseError): Promise<void> {
    await this.#take(channel, () => Promise.reject(fault))
  }

  async #take(
    channel: ControlChannel,
    answer: (frame: Uint8Array, left: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const left = new AbortController()
    try {
      const frames = channel.frames()[Symbol.asyncIterator]()
      const first = await within(REQUEST_MS, 'no request came', frames.next())
      if (first.done === true) return
      // Whoever sends more, or ends, wants no more.
      const over = frames.next().then(
        () => left.abort(),
        () => left.abort(),
      )
      const last = await answer(first.value, left.signal).then(endFrame, (error: unknown) =>
        faultFrame(asHanseError(error)),
      )
      await send(channel, last, left.signal)
      await channel.end()
      // Cut only once the other side has read it, for a cut may overtake what is on its way.
      await Promise.race([over, delay(LINGER_MS, undefined, { ref: false })])
    } catch {
      // The other side broke off, or broke the framing; there is nobody to tell.
    } finally {
      channel.abort()
    }
  }

  async #answer(
    asked: ControlRequest,
    channel: ControlChannel,
    left: AbortSignal,
    by: string,
  ): Promise<void> {
    const { peerId, version, logs } = this.#options
    const tell = async <Method extends ControlMethod>(
      method: Method,
      value: ControlValues[Method],
    ): Promise<void> => await send(channel, encodeValue(method, value), left)
    switch (asked.method) {
      case 'ping':
        return await tell('ping', { peerId, version })
      case 'status':
        return await tell('status', await this.#status())
      case 'reachability': {
        const report = this.#provider(asked.method).reachability()
        const told = await within(ANSWER_MS, 'peers do not say how they reach it', report)
        return await tell('reachability', shortReport(told))
      }
      case 'pause':
      case 'resume':
      case 'drain':
        this.#options.log.info({ by, method: asked.method }, 'the owner asks')
        await this.#steer(asked.method, this.#provider(asked.method))
        return await tell(asked.method, null)
      case 'watch':
        return await this.#following(async () => {
          while (!left.aborted) {
            await tell('watch', await this.#status())
            await delay(asked.everyMs, undefined, { signal: left }).catch(() => {})
          }
        })
      case 'logs':
        for (const part of logAnswers(logs.tail(asked.lines))) await tell('logs', part)
        if (!asked.follow) return
        return await this.#following(
          async () => await followLog(logs, left, async (part) => await tell('logs', part)),
        )
      case 'keys':
      case 'key-create':
      case 'key-update':
      case 'key-rotate':
      case 'key-revoke':
      case 'spend-check':
      case 'basis':
      case 'basis-give':
      case 'basis-withdraw':
        this.#options.log.info({ by, method: asked.method }, 'the owner asks')
        return await answerGateway(this.#gateway(asked.method), asked, tell)
    }
  }

  #provider(method: string): ProviderControl {
    const { control } = this.#options
    if (control !== undefined) return control
    throw new HanseError('HANSE_REQUEST_INVALID', `this daemon is a gateway: it has no ${method}`)
  }

  #gateway(method: string): GatewayControl {
    const { gateway } = this.#options
    if (gateway !== undefined) return gateway
    throw new HanseError('HANSE_REQUEST_INVALID', `this daemon is no gateway: it has no ${method}`)
  }

  async #status(): Promise<ControlValues['status']> {
    const status = this.#provider('status').status()
    return shortStatus(await within(ANSWER_MS, 'the daemon tells no status', status))
  }

  async #steer(method: 'pause' | 'resume' | 'drain', control: ProviderControl): Promise<void> {
    if (method !== 'drain') {
      await within(ANSWER_MS, `${method} takes too long`, control[method]())
      return
    }
    const drained = control.drain()
    drained.catch((cause: unknown) =>
      this.#options.log.error({ cause: String(cause) }, 'draining failed'),
    )
    await Promise.race([drained, delay(DRAIN_FAULT_MS)])
  }

  async #following(follow: () => Promise<void>): Promise<void> {
    if (this.#followers >= FOLLOWERS_MAX)
      throw new HanseError('HANSE_CONNECTION_LIMIT', `${FOLLOWERS_MAX} others watch this daemon`)
    this.#followers++
    try {
      await follow()
    } finally {
      this.#followers--
    }
  }
}

async function followLog(
  logs: LogSource,
  left: AbortSignal,
  tell: (lines: ControlValues['logs']) => Promise<void>,
): Promise<void> {
  let waiting: string[] = []
  let dropped = 0
  let wake = Promise.withResolvers<void>()
  const onLeft = (): void => wake.resolve()
  const stop = logs.follow((line) => {
    if (waiting.push(line) > WAITING_LINES_MAX) {
      waiting.shift()
      dropped++
    }
    wake.resolve()
  })
  left.addEventListener('abort', onLeft)
  try {
    while (!left.aborted) {
      await wake.promise
      wake = Promise.withResolvers()
      const parts = [...logAnswers(waiting, dropped)]
      waiting = []
      dropped = 0
      for (const part of parts) await tell(part)
    }
  } finally {
    stop()
    left.removeEventListener('abort', onLeft)
  }
}

async function send(channel: ControlChannel, frame: Uint8Array, left: AbortSignal): Promise<void> {
  await channel.send(frame, AbortSignal.any([left, AbortSignal.timeout(SEND_MS)]))
}
