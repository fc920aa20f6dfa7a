import type { ChatMessage, RequestPolicy, SessionRow } from '@hanse/node/consumer'
import type { Config } from '#lib/config.ts'
import { type Row, rowsOf } from '#lib/market/rows.ts'
import { type PicoEuro, picoEuro } from '#lib/money.ts'
import { type Fault, known } from '#lib/network/fault.ts'
import { type NodeTerms, PageNode } from '#lib/network/page-node.svelte.ts'
import { dataDir, forget } from './keep.ts'
import { fitting, isOnCredit, type Region } from './terms.ts'
import { Turn } from './turn.svelte.ts'

/** What an answer is paid from. */
export type Payment =
  | { readonly by: 'credit' }
  | { readonly by: 'session'; readonly organization: string }
  | { readonly by: 'key'; readonly apiKey: string }

const firstMs = 1_000
const refreshMs = 10_000
/** Short enough that a story has a strip of them, long enough that they cost no time. */
const receiptEvery = 32
/** A page that is left open, or asks in a loop by mistake, costs no more. */
const budget = '1 EUR'
/** What is held for one provider at a time: what is not used comes back within the hour. */
const authorizationAmount = '0.50 EUR'
const sessionsShown = 50

/** One side of the page: a conversation with whoever answers there. */
export class Lane {
  /** A PeerId, or empty for whoever fits best. */
  provider = $state('')
  turns = $state.raw<readonly Turn[]>([])

  get last(): Turn | undefined {
    return this.turns.at(-1)
  }

  /** What the next question comes after: answers that failed are not told again. */
  get past(): ChatMessage[] {
    return this.turns
      .filter(({ text }) => text !== '')
      .flatMap(({ prompt, text }) => [
        { role: 'user' as const, content: prompt },
        { role: 'assistant' as const, content: text },
      ])
  }
}

/** A consumer node in this tab, and what is asked through it. */
export class Playground {
  readonly node = new PageNode()
  rows = $state.raw<readonly Row[]>([])
  isSettled = $state(false)
  model = $state('')
  region = $state<Region>('EU')
  level = $state(3)
  maxTokens = $state(256)
  payment = $state.raw<Payment>({ by: 'credit' })
  lanes = $state.raw<readonly Lane[]>([new Lane()])
  sessions = $state.raw<readonly SessionRow[]>([])
  spent = $state.raw<PicoEuro>(picoEuro(0n))
  /** Without a key that is kept: another tab has it, or the visitor wants none. */
  isFleeting = $state(false)
  #timer: ReturnType<typeof setTimeout> | undefined
  #joinedAt: number | undefined
  #running = false

  start(): () => void {
    this.#running = true
    void this.open()
    const onVisibility = () => {
      if (!document.hidden) this.#plan(0)
    }
    document.addEventListener('visibilitychange', onVisibility)
    return () => {
      this.#running = false
      clearTimeout(this.#timer)
      document.removeEventListener('visibilitychange', onVisibility)
      void this.node.close()
    }
  }

  /** Joins, with what is chosen to pay. */
  async open(): Promise<void> {
    await this.node.open((site) => this.#terms(site))
    this.#note()
    this.#plan(0)
  }

  async pay(payment: Payment): Promise<void> {
    this.payment = payment
    await this.open()
  }

  /** Forgets key and receipts, and begins anew. */
  async forget(): Promise<void> {
    await this.node.close()
    await forget()
    this.lanes = this.lanes.map(() => new Lane())
    await this.open()
  }

  get hasMoney(): boolean {
    return this.payment.by !== 'credit'
  }

  get isRunning(): boolean {
    return this.lanes.some(({ last }) => last?.isRunning === true)
  }

  get models(): string[] {
    return [...new Set(this.rows.map(({ model }) => model))].sort()
  }

  /** Who may answer under what is chosen. */
  get candidates(): Row[] {
    return fitting(this.rows, this)
  }

  /** Those of them who answer a prompt of this length now, by what is there to pay. */
  payable(promptBytes: number): Row[] {
    const { candidates, maxTokens } = this
    return this.hasMoney
      ? candidates
      : candidates.filter((row) => isOnCredit(row, promptBytes, maxTokens))
  }

  compare(isOn: boolean): void {
    if (isOn === this.lanes.length > 1) return
    const [first = new Lane()] = this.lanes
    if (!isOn) {
      this.lanes = [first]
      return
    }
    const second = new Lane()
    const providers = this.candidates.map(({ provider }) => provider)
    // Two that differ, where there are two: the same one twice compares nothing.
    if (first.provider === '' && providers.length > 1) first.provider = providers[0] ?? ''
    second.provider = providers.find((provider) => provider !== first.provider) ?? ''
    this.lanes = [first, second]
  }

  send(prompt: string): void {
    for (const lane of this.lanes) this.#ask(lane, prompt)
  }

  /** The last question once more, in place of what came of it. */
  retry(lane: Lane): void {
    const { last } = lane
    if (last === undefined || last.isRunning) return
    lane.turns = lane.turns.slice(0, -1)
    this.#ask(lane, last.prompt)
  }

  stop(): void {
    for (const { last } of this.lanes) last?.stop()
  }

  clear(): void {
    for (const lane of this.lanes) lane.turns = []
  }

  bundle(session: string): Uint8Array | undefined {
    try {
      return this.node.consumer?.bundle(session)
    } catch {
      return undefined
    }
  }

  #ask(lane: Lane, prompt: string): void {
    const { consumer, module } = this.node
    const messages: ChatMessage[] = [...lane.past, { role: 'user', content: prompt }]
    const { model, maxTokens } = this
    const turn = new Turn(prompt, {
      model,
      messages,
      maxTokens,
      policy: this.#policy(lane, messages),
    })
    lane.turns = [...lane.turns, turn]
    const fault = this.#missing(lane, messages)
    if (consumer === undefined || module === undefined) turn.refuse(known('NOT_LOADED'))
    else if (fault !== undefined) turn.refuse(fault)
    else void turn.run(consumer, module.ERRORS).finally(() => this.#note())
  }

  /** What a try would only find out later, and in other words. */
  #missing(lane: Lane, messages: readonly ChatMessage[]): Fault | undefined {
    const { candidates } = this
    if (candidates.length === 0) return known('HANSE_NO_PROVIDER')
    const able = this.payable(bytesOf(messages))
    const isAble = able.some(({ provider }) => lane.provider === '' || provider === lane.provider)
    return isAble ? undefined : known('HANSE_AUTHORIZATION_REQUIRED')
  }

  #policy({ provider }: Lane, messages: readonly ChatMessage[]): RequestPolicy {
    const { region, level } = this
    const only =
      provider !== '' ? [provider] : this.payable(bytesOf(messages)).map((row) => row.provider)
    return {
      ...(region !== '' && { regions: [region] }),
      minLevel: level,
      only,
      ...(provider !== '' && { allowFallbacks: false }),
    }
  }

  #terms(site: Config): NodeTerms {
    const { payment } = this
    const url = site.settlementUrl
    return {
      budget,
      authorizationAmount,
      receiptEvery,
      // One answer, one strip: no second provider runs along, and nobody is tried out.
      routing: { hedge: false, exploreShare: 0 },
      ...(!this.isFleeting && { dataDir }),
      ...(payment.by === 'key' && { settlement: { url, apiKey: payment.apiKey } }),
      ...(payment.by === 'session' && {
        settlement: { url, session: true, organization: payment.organization },
      }),
    }
  }

  #note(): void {
    const { consumer } = this.node
    this.sessions = consumer?.sessions({ limit: sessionsShown }) ?? []
    this.spent = picoEuro(consumer?.spent ?? 0n)
  }

  #plan(ms: number): void {
    clearTimeout(this.#timer)
    if (this.#running && !document.hidden) this.#timer = setTimeout(() => void this.#look(), ms)
  }

  async #look(): Promise<void> {
    const { consumer, stage } = this.node
    if (consumer === undefined || stage !== 'joined') return this.#plan(firstMs / 4)
    this.#joinedAt ??= Date.now()
    try {
      const match = await consumer.offers()
      if (consumer === this.node.consumer) this.rows = rowsOf(match)
    } catch {
      // It is asked again; what was found before stays.
    }
    this.isSettled = this.rows.length > 0 || Date.now() - this.#joinedAt > 6_000
    this.#plan(this.rows.length === 0 ? firstMs : refreshMs)
  }
}

export const bytesOf = (messages: readonly ChatMessage[]): number =>
  new TextEncoder().encode(JSON.stringify(messages)).byteLength + requestBytes

/** The rest of a request: the model's name, and the braces around. */
const requestBytes = 256
