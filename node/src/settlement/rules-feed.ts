import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type GatewayRules, gatewayRulesSchema, HanseError } from '@hanse/protocol'

export interface RulesFeedOptions {
  /** Base URL of the settlement service, and the organization's key. */
  readonly url: string
  readonly apiKey: string
  /** Where the last rules are kept, for a start while settlement is away. */
  readonly path: string
  readonly now: () => number
  /** @param confirmedAt `undefined` for those that were kept */
  readonly onRules: (rules: GatewayRules, confirmedAt: number | undefined) => void
  /** They are still the same. */
  readonly onConfirmed: (at: number) => void
  readonly onFailure: (error: Error) => void
  /** What was counted here of budgets that settlement cannot count. */
  readonly report: () => { readonly body: string } | undefined
}

/** Proxies end what waits for half a minute. */
const WAIT_MS = 25_000
const ANSWER_MS = 10_000
/** An answer that comes at once is no reason to ask again at once. */
const BETWEEN_MS = 500
const RETRY_MS_MAX = 10_000
/** People who look at a budget do not see the difference. */
const REPORT_MS = 5_000

/** Keeps a gateway up to date with what its organization rules: by long polls, each of which ends with a change. */
export class RulesFeed implements AsyncDisposable {
  readonly #options: RulesFeedOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<unknown>
  #revision: string | undefined
  #text = ''
  #reported = ''

  private constructor(options: RulesFeedOptions, kept: string | undefined) {
    this.#options = options
    if (kept !== undefined) this.#use(kept, undefined)
    this.#running = Promise.all([this.#follow(), this.#tell()])
  }

  /** Begins with the rules that were kept, where there are any. */
  static async open(options: RulesFeedOptions): Promise<RulesFeed> {
    const kept = await readFile(options.path, 'utf8').catch(() => undefined)
    return new RulesFeed(options, kept)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #follow(): Promise<void> {
    let failures = 0
    while (!this.#stop.signal.aborted) {
      const began = performance.now()
      try {
        await this.#ask(failures > 0 ? 0 : WAIT_MS)
        failures = 0
      } catch (error) {
        failures++
        if (!this.#stop.signal.aborted) this.#options.onFailure(error as Error)
      }
      const pause = failures === 0 ? BETWEEN_MS - (performance.now() - began) : backOff(failures)
      await this.#sleep(pause)
    }
  }

  async #ask(waitMs: number): Promise<void> {
    const known = this.#revision
    const query = known === undefined ? '' : `?after=${known}&waitMs=${waitMs}`
    const response = await this.#fetch(`/v1/gateway-rules${query}`, waitMs + ANSWER_MS)
    if (response.status === 304) return this.#options.onConfirmed(this.#options.now())
    const text = await response.text()
    if (!response.ok) throw new Error(`settlement answered ${response.status}`)
    this.#use(text, this.#options.now())
    await this.#keep(text)
  }

  /** @throws {HanseError} HANSE_SETTLEMENT_UNAVAILABLE for what is no rules; those before go on to count */
  #use(text: string, confirmedAt: number | undefined): void {
    const parsed = gatewayRulesSchema.safeParse(jsonOf(text))
    if (!parsed.success) {
      if (confirmedAt === undefined) return
      throw new HanseError(
        'HANSE_SETTLEMENT_UNAVAILABLE',
        'settlement has rules that this release cannot read',
      )
    }
    this.#revision = parsed.data.revision
    this.#options.onRules(parsed.data, confirmedAt)
  }

  async #keep(text: string): Promise<void> {
    if (text === this.#text) return
    const { path } = this.#options
    await mkdir(dirname(path), { recursive: true })
    await writeFile(`${path}.new`, text, { mode: 0o600 })
    await rename(`${path}.new`, path)
    this.#text = text
  }

  async #tell(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#sleep(REPORT_MS)
      const body = this.#stop.signal.aborted ? undefined : this.#options.report()?.body
      if (body === undefined || body === this.#reported) continue
      const sent = await this.#fetch('/v1/gateway-rules/spend', ANSWER_MS, body).catch(
        () => undefined,
      )
      // What was not heard is said again.
      if (sent?.ok === true) this.#reported = body
      await sent?.body?.cancel()
    }
  }

  #fetch(path: string, timeoutMs: number, body?: string) {
    const { url, apiKey } = this.#options
    return fetch(`${url.replace(/\/$/u, '')}${path}`, {
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { method: 'POST', body }),
      signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeoutMs)]),
    })
  }

  async #sleep(ms: number): Promise<void> {
    if (ms <= 0) return
    await setTimeout(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}

const backOff = (failures: number): number => Math.min(RETRY_MS_MAX, 500 * 2 ** (failures - 1))

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
