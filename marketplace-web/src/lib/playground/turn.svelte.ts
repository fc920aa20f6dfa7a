import type {
  AnswerStream,
  ChatAnswer,
  ChatChunk,
  ChatMessage,
  HanseConsumer,
  Receipt,
  RequestPolicy,
} from '@hanse/node/consumer'
import { type PicoEuro, picoEuro } from '#lib/money.ts'
import { type Fault, faultOf } from '#lib/network/fault.ts'

type Stream = AnswerStream<ChatChunk, ChatAnswer>

/** A receipt that both sides have signed, as the strip shows it. */
export type Stamp = {
  readonly session: string
  readonly sequence: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly amount: PicoEuro
  readonly final: string | null
}

/** One provider's share in an answer: all of it, unless another had to go on. */
export type Part = {
  readonly session: string
  readonly provider: string
  readonly country: string
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
}

export type Proof = { readonly session: string; readonly bytes: Uint8Array }

export type Asked = {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly maxTokens: number
  readonly policy: RequestPolicy
}

/** A question and the answer to it, as it comes. */
export class Turn {
  readonly prompt: string
  readonly asked: Asked
  stage = $state<'asking' | 'streaming' | 'done' | 'stopped' | 'failed'>('asking')
  text = $state('')
  /** Chunks with text so far: as good as tokens for who watches. */
  pieces = $state(0)
  parts = $state.raw<readonly Part[]>([])
  stamps = $state.raw<readonly Stamp[]>([])
  proofs = $state.raw<readonly Proof[]>([])
  firstMs = $state<number>()
  fault = $state.raw<Fault>()
  readonly #gone = new AbortController()
  #stream: Stream | undefined

  constructor(prompt: string, asked: Asked) {
    this.prompt = prompt
    this.asked = asked
  }

  get isRunning(): boolean {
    return this.stage === 'asking' || this.stage === 'streaming'
  }

  /** What both sides have signed for, of all parts, exact. */
  get amount(): PicoEuro {
    const last = new Map(this.stamps.map(({ session, amount }) => [session, amount]))
    return picoEuro([...last.values()].reduce<bigint>((sum, amount) => sum + amount, 0n))
  }

  /** Of the last receipts. */
  get signedTokens(): number {
    const last = new Map(this.stamps.map(({ session, outputTokens }) => [session, outputTokens]))
    return [...last.values()].reduce((sum, tokens) => sum + tokens, 0)
  }

  stop(): void {
    this.#gone.abort()
  }

  /** It is not even asked. */
  refuse(fault: Fault): void {
    this.fault = fault
    this.stage = 'failed'
  }

  /** Asks, and streams to the end; never throws. @param catalogue what to do about errors */
  async run(
    consumer: HanseConsumer,
    catalogue: Readonly<Record<string, { readonly advice: string }>>,
  ): Promise<void> {
    const started = performance.now()
    const off = consumer.on('receipt', () => this.#read(consumer))
    try {
      const { model, messages, maxTokens, policy } = this.asked
      const { signal } = this.#gone
      const request = { model, messages: [...messages], max_tokens: maxTokens }
      const stream = await consumer.chat(request, { signal, policy })
      this.#stream = stream
      this.firstMs = performance.now() - started
      this.stage = 'streaming'
      this.#read(consumer)
      for await (const { choices } of stream) {
        const piece = choices[0]?.delta.content ?? ''
        if (piece === '') continue
        this.text += piece
        this.pieces++
      }
      this.stage = 'done'
    } catch (error) {
      // What was delivered stays, and is paid for.
      if (this.#gone.signal.aborted) this.stage = 'stopped'
      else this.refuse(faultOf(error, catalogue))
    } finally {
      await this.#prove(consumer)
      off()
    }
  }

  #read(consumer: HanseConsumer): void {
    const stream = this.#stream
    if (stream === undefined) return
    this.stamps = stream.parts.flatMap(({ session }) =>
      stampsOf(session, consumer.receipts(session)),
    )
    this.parts = stream.parts.map(({ session, provider, country, inputPrice, outputPrice }) => ({
      session,
      provider,
      country,
      inputPrice: picoEuro(inputPrice),
      outputPrice: picoEuro(outputPrice),
    }))
  }

  /** The last receipts come after the last token: what proves the answer is whole only then. */
  async #prove(consumer: HanseConsumer): Promise<void> {
    const stream = this.#stream
    if (stream === undefined) return
    await stream.bill.catch(() => undefined)
    this.#read(consumer)
    this.proofs = this.parts.flatMap(({ session }) => {
      try {
        return [{ session, bytes: consumer.bundle(session) }]
      } catch {
        // It ended before its first receipt: nothing was owed, and there is nothing to prove.
        return []
      }
    })
  }
}

function stampsOf(session: string, receipts: readonly Receipt[]): Stamp[] {
  return receipts.map(({ sequence, inputTokens, outputTokens, amount, final }) => ({
    session,
    sequence: Number(sequence),
    inputTokens: Number(inputTokens),
    outputTokens: Number(outputTokens),
    amount: picoEuro(amount),
    final,
  }))
}
