import {
  type Named,
  type PeerId,
  type SignedRecord,
  type Signer,
  type SpotCheck,
  shownText,
  signRecord,
  spotCheck,
} from '@hanse/protocol'
import { type Answer, withPayloads } from '../answer.ts'
import type { Consumer } from '../consumer.ts'
import type { Account, InferenceRequest } from '../request.ts'
import type { ConsumerStore } from '../store.ts'
import { type Answered, answeredOf, samePromise } from './answered.ts'
import { compareTexts } from './compare.ts'
import { type Sampling, samplingOf, withSeed } from './repeatable.ts'
import { type Pair, type Standing, standings } from './verdict.ts'

export interface SpotCheckSettings {
  /** Of the requests that can be compared, 0 to 1. */
  readonly share: number
  /** From this divergence on two answers are not of the same weights, in parts of a million. */
  readonly differentFrom: number
}

/** What was found, with the texts that it rests on. */
export interface FoundCheck {
  readonly check: Named<SpotCheck> & SignedRecord
  readonly differ: boolean
  readonly texts: readonly [first: string, second: string]
}

export interface SpotCheckerOptions {
  readonly networkName: string
  readonly signer: Signer
  readonly store: Pick<ConsumerStore, 'evidence'>
  readonly settings: SpotCheckSettings
  readonly consumer: Pick<Consumer, 'match' | 'request'>
  /** Whose money a check costs. @throws {HanseError} when nothing may be asked now */
  readonly account?: () => Account | undefined
  /** Every comparison, to be kept as evidence. */
  readonly onFound: (found: FoundCheck) => void
  /** What a check, once it is over, says of each provider. */
  readonly onStanding: (provider: PeerId, model: string, standing: Standing) => void
  /** A check that came to nothing: nobody else has the weights, or the other one failed. */
  readonly onFault?: (error: unknown) => void
  readonly now: () => number
  /** 0 to 1. */
  readonly chance: () => number
}

/** Longer answers are not compared: both texts are held in memory. */
const TEXT_MAX = 1 << 20
/** Checks that run at once: they are to be seen in the bill, not in the load. */
const RUNNING_MAX = 2

/** Asks for some answers again at other providers, and keeps signed evidence of how they compare. */
export class SpotChecker {
  readonly #options: SpotCheckerOptions
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(options: SpotCheckerOptions) {
    this.#options = options
  }

  /** Maybe remembers the text of an answer, to check it when it is whole. @returns the answer to hand on */
  watch(request: InferenceRequest, answer: Answer): Answer {
    const { settings, chance } = this.#options
    if (request.kind === 'embedding' || settings.share <= 0) return answer
    if (this.#running.size >= RUNNING_MAX || chance() >= settings.share) return answer
    const sampling = samplingOf(request.body)
    if (sampling === undefined) return answer
    return withPayloads(
      answer,
      tapped(answer.payloads, (text) => this.#start(request, sampling, answer, text)),
    )
  }

  /** Resolves when no check runs any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Gives up what runs. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.idle()
  }

  #start(request: InferenceRequest, sampling: Sampling, answer: Answer, text: string): void {
    if (this.#stopping.signal.aborted) return
    const running = this.#check(request, sampling, answer, text)
      .catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) this.#options.onFault?.(error)
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #check(
    request: InferenceRequest,
    sampling: Sampling,
    answer: Answer,
    text: string,
  ): Promise<void> {
    const { onStanding } = this.#options
    await answer.outcome
    // An answer of several providers is nobody's.
    if (answer.parts.length !== 1) return
    const first = this.#answered(answer.session, text)
    if (first === undefined || (!sampling.greedy && first.determinism === null)) return
    const again = repeated(request, sampling, first)
    const [second, third] = await this.#others(again, first)
    if (second === undefined) return
    const one = await this.#ask(again, second)
    if (one === undefined || !isComparable(sampling, first, one)) return
    const pairs: Pair[] = [this.#compare(first, one)]
    if (pairs[0]?.differ === true && third !== undefined) {
      const two = await this.#ask(again, third)
      if (two !== undefined && isComparable(sampling, first, two))
        pairs.push(this.#compare(first, two), this.#compare(one, two))
    }
    for (const [provider, standing] of standings(pairs)) onStanding(provider, first.model, standing)
  }

  /** Two who also have just these weights, within the policy of the request: nobody can choose who checks them. */
  async #others({ model, policy }: InferenceRequest, first: Answered): Promise<readonly string[]> {
    const { consumer, chance } = this.#options
    const { candidates } = await consumer.match(model, policy)
    const others = candidates
      .filter((candidate) => candidate.model.digest === first.digest)
      .map(({ known }) => known.offer.provider)
      .filter((provider) => provider !== first.provider)
    const drawn = () => others.splice(Math.floor(chance() * others.length), 1)
    return [...drawn(), ...drawn()]
  }

  async #ask(request: InferenceRequest, provider: string): Promise<Answered | undefined> {
    const { consumer, account } = this.#options
    const policy = { ...request.policy, only: [provider], allowFallbacks: false, hedge: false }
    const { signal } = this.#stopping
    const options = { signal, account: account?.() }
    const answer = await consumer.request({ ...request, policy }, options)
    let text = ''
    for await (const payloads of answer.payloads)
      for (const payload of payloads) text += shownText(payload)
    await answer.outcome
    return this.#answered(answer.session, text)
  }

  #answered(session: string, text: string): Answered | undefined {
    const { store, networkName } = this.#options
    return answeredOf(store, networkName, session, text)
  }

  #compare(first: Answered, second: Answered): Pair {
    const { signer, networkName, now, settings, onFound } = this.#options
    const compared = compareTexts(first.text, second.text)
    const promised = samePromise(first, second)
    const value: SpotCheck = {
      ...compared,
      consumer: signer.peerId,
      model: first.model,
      digest: first.digest,
      promised,
      first: refer(first),
      second: refer(second),
      at: now(),
    }
    const context = { network: networkName, signer }
    // Who promised the same bytes is held to it.
    const differ = compared.divergence >= (promised ? 1 : settings.differentFrom)
    const check = signRecord(context, spotCheck, value, 'consumer', signer)
    onFound({ check, differ, texts: [first.text, second.text] })
    return { first: first.provider, second: second.provider, differ }
  }
}

const refer = ({ provider, order, receipt }: Answered): SpotCheck['first'] => ({
  provider,
  order,
  receipt,
})

/** As the first one was asked; an engine that drew its own seed tells it, and the next one is given it. */
function repeated(
  request: InferenceRequest,
  sampling: Sampling,
  first: Answered,
): InferenceRequest {
  // By the name that was answered: the one that was asked for may stand for others, too.
  const { models: _, ...policy } = request.policy
  const again = { ...request, model: first.model, policy }
  if (sampling.seed !== undefined || first.determinism === null) return again
  return { ...again, body: withSeed(request.body, first.determinism.seed) }
}

/** What is not greedy can only be compared where both sides promised the same bytes. */
function isComparable(sampling: Sampling, first: Answered, other: Answered): boolean {
  return (
    other.digest === first.digest &&
    other.provider !== first.provider &&
    (sampling.greedy || samePromise(first, other))
  )
}

/** Passes payloads on, and tells their text at the end of a whole answer. */
async function* tapped(
  payloads: AsyncIterable<readonly Uint8Array[]>,
  onText: (text: string) => void,
): AsyncGenerator<readonly Uint8Array[]> {
  let text = ''
  for await (const batch of payloads) {
    if (text.length <= TEXT_MAX) for (const payload of batch) text += shownText(payload)
    yield batch
  }
  if (text.length <= TEXT_MAX) onText(text)
}
