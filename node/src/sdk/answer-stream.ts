import { asHanseError, type HanseError, picoEuro, type Receipt } from '@hanse/protocol'
import type { Answer, AnswerPart, Bill } from '../consumer/answer.ts'
import { isJsonObject, type JsonObject } from '../engine/json.ts'
import { parseChunk } from '../openai/answer-inspector.ts'
import { type AnswerBuilder, ChatBuilder, choicesOf } from '../openai/chat-builder.ts'
import { costsOf } from '../openai/costs.ts'
import type { OpenedAnswer } from '../openai/open-answer.ts'
import { TextBuilder } from '../openai/text-builder.ts'

/** What an answer needs of whom it was asked for by. */
export interface AnswerDesk {
  /** Ends all sessions of the answer. */
  cancel(): void
  receipts(session: string): readonly Receipt[]
  /** @throws {HanseError} HANSE_NOT_FOUND */
  bundle(session: string): Uint8Array
}

/**
 * An answer as it comes: OpenAI chunks, parsed. It has begun when it is handed out: the first token is there. There is one
 * reader; `text()` and `final()` read what is left, and give the whole. To stop reading early ends the answer, and what was
 * delivered is paid for.
 */
export class AnswerStream<Chunk, Whole> implements AsyncIterable<Chunk>, AsyncDisposable {
  readonly #opened: OpenedAnswer
  readonly #kind: 'chat' | 'completion'
  readonly #desk: AnswerDesk
  readonly #chunks: AsyncIterator<readonly Uint8Array[]>
  /** All chunks so far, as bytes: the whole is put together only when it is asked for. */
  readonly #taken: Uint8Array[] = []
  #fault: HanseError | undefined
  #ended = false

  constructor(opened: OpenedAnswer, kind: 'chat' | 'completion', desk: AnswerDesk) {
    this.#opened = opened
    this.#kind = kind
    this.#desk = desk
    this.#chunks = opened.chunks[Symbol.asyncIterator]()
  }

  /** CID of the order that began the answer. */
  get session(): string {
    return this.#opened.first.session
  }

  /** Who began the answer. */
  get provider(): string {
    return this.#opened.first.provider
  }

  get country(): string {
    return this.#opened.first.country
  }

  /** Id of the model, as it is offered. */
  get model(): string {
    return this.#opened.first.model
  }

  /** Sessions that the answer is made of so far: of each choice, and of each provider that had a part in it. */
  get parts(): readonly AnswerPart[] {
    return this.#opened.answers.flatMap(({ parts }) => parts)
  }

  /** What all sessions of this answer came to, once they have ended, those of providers that lost a race among them. */
  get bill(): Promise<Bill> {
    return billOf(this.#opened.answers)
  }

  /** The receipts that both sides have signed so far, of all parts. */
  get receipts(): readonly Receipt[] {
    return this.parts.flatMap(({ session }) => this.#desk.receipts(session))
  }

  /**
   * Waits until a part of the answer has ended, and exports what proves it: a CAR file for `verify`.
   *
   * @throws {HanseError} HANSE_NOT_FOUND for a session that ended before its first receipt
   */
  async bundle(part: AnswerPart = this.#opened.first): Promise<Uint8Array> {
    await part.outcome
    return this.#desk.bundle(part.session)
  }

  /** @throws {HanseError} when the answer is not whole; the chunks before that stay good */
  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk, void, undefined> {
    let finished = false
    try {
      for (let batch = await this.#next(); batch !== undefined; batch = await this.#next()) {
        for (const bytes of batch) {
          const chunk = parseChunk(bytes)
          finished = choicesOf(chunk).some(({ finish_reason }) => typeof finish_reason === 'string')
          yield chunk as Chunk
        }
      }
    } finally {
      // Also when the reader breaks off: nobody would take what still comes, unless that is only the end.
      if (finished) this.final().catch(() => {})
      else if (!this.#ended) this.cancel()
    }
  }

  /** The text of the first choice, whole. @throws {HanseError} when the answer is not whole */
  async text(): Promise<string> {
    const { choices } = (await this.final()) as { choices?: readonly JsonObject[] }
    const { message, text } = choices?.[0] ?? {}
    const content = isJsonObject(message) ? message.content : text
    return typeof content === 'string' ? content : ''
  }

  /** The whole answer, as OpenAI gives it without `stream`, with its usage. @throws {HanseError} when it is not whole */
  async final(): Promise<Whole> {
    for (let batch = await this.#next(); batch !== undefined; batch = await this.#next());
    const builder: AnswerBuilder = this.#kind === 'chat' ? new ChatBuilder() : new TextBuilder()
    for (const bytes of this.#taken) builder.add(bytes)
    const { usage, hanse } = await costsOf(this.#opened)
    return { ...builder.build(), usage, hanse } as Whole
  }

  /** Ends the answer. What was delivered is countersigned and paid for. */
  cancel(): void {
    this.#desk.cancel()
  }

  /** Cancels what was not read to its end, and resolves once its last receipt is signed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.cancel()
    await this.bill
  }

  async #next(): Promise<readonly Uint8Array[] | undefined> {
    if (this.#fault !== undefined) throw this.#fault
    if (this.#ended) return undefined
    try {
      const { done, value } = await this.#chunks.next()
      if (done === true) {
        this.#ended = true
        return undefined
      }
      for (const bytes of value) this.#taken.push(bytes)
      return value
    } catch (error) {
      this.#ended = true
      this.#fault = asHanseError(error)
      throw this.#fault
    }
  }
}

/** Also of answers that begin while others are waited for. */
export async function billOf(answers: readonly Answer[]): Promise<Bill> {
  const bills: Bill[] = []
  for (const { bill } of answers) bills.push(await bill)
  return {
    sessions: bills.flatMap(({ sessions }) => sessions),
    amount: picoEuro(bills.reduce((sum, { amount }) => sum + amount, 0n)),
  }
}
