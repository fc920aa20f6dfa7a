import { type Average, estimate, NOTHING, observed, weightAt } from './average.ts'
import { countOf, type Histogram, NO_DURATIONS, quantile, withDuration } from './histogram.ts'

/** What sessions have shown. Plain data, so that it can be kept over a restart. */
export interface TrackRecord {
  /** From the order to the first token, as if the prompt were short; see `promptScale`. */
  readonly firstTokenMs: Average
  /** Between two tokens after the first. */
  readonly tokenMs: Average
  /** How many times slower than the offer says. */
  readonly slowness: Average
  /** 1 for a failure, 0 for an answer. */
  readonly failures: Average
  /** Length of answers. */
  readonly outputTokens: Average
  /** Answers that others did not confirm: 0 confirmed, 1 refuted. */
  readonly doubts: Average
  readonly firstTokens: Histogram
}

/** A record of a model at a provider; an empty name stands for all of them together. */
export interface MeasurementRow {
  readonly provider: string
  readonly model: string
  readonly record: TrackRecord
}

/** What may be expected of a model at a provider. */
export interface Expectation {
  /** For a short prompt. */
  readonly firstTokenMs: number
  readonly tokenMs: number
  /** 0 to 1. */
  readonly errorRate: number
  /** Whether its answers are what others answer, too: 0 to 1, where 1 is refuted. */
  readonly doubt: number
  /** Sessions that this rests on, those of long ago counted in part. */
  readonly observations: number
}

/** What may be expected where nothing is known of the provider. */
export interface Usual {
  readonly firstTokenMs: number
  readonly tokenMs: number
  /** How many times slower than offers say. */
  readonly slowness: number
  readonly errorRate: number
}

const EMPTY: TrackRecord = {
  firstTokenMs: NOTHING,
  tokenMs: NOTHING,
  slowness: NOTHING,
  failures: NOTHING,
  outputTokens: NOTHING,
  doubts: NOTHING,
  firstTokens: NO_DURATIONS,
}

/** What is taken for granted before anything was measured: a GPU at home, on the same continent. */
export const PRIORS = {
  firstTokenMs: 1_000,
  tokenMs: 50,
  /** Offers say what is reached on a good day. */
  slowness: 1.4,
  errorRate: 0.02,
  outputTokens: 256,
  /** A provider without a record is taken for somewhat worse than the usual one. */
  unknown: 1.25,
  /** A prior counts as much as so many observations. */
  weight: 1,
  /** Failures are rare: a single one must not condemn. */
  failureWeight: 4,
  /** A single provider does not stand for the market. */
  marketWeight: 8,
} as const

/** Quantiles of fewer observations say little. */
const OBSERVATIONS_OF_ONE_MIN = 8
const OBSERVATIONS_OF_ALL_MIN = 20
/** Whoever cheated last week may do so again; ms. */
const DOUBT_HALF_LIFE_MS = 7 * 86_400_000
/** With less of its observations left, a provider is one of whom nothing is known. */
const NEWCOMER_WEIGHT_MAX = 0.5
/** Pairs of provider and model; many more than a DHT look-up gives, so that what is left out is of long ago. */
const ROWS_MAX = 10_000

type AverageField = Exclude<keyof TrackRecord, 'firstTokens'>

/** A model at a provider, the provider, the model, and all. */
function levelsOf(provider: string, model: string): readonly (readonly [string, string])[] {
  if (model === '') return [provider, ''].map((who) => [who, ''])
  return [provider, ''].flatMap((who) => [model, ''].map((what) => [who, what] as const))
}

/** Reading the prompt takes as long as everything else before the first token when it is this long: what a mid-range GPU does. */
const PROMPT_TOKENS = 2_000

/** How much longer the first token takes than after a short prompt. */
export function promptScale(inputTokens: number): number {
  return 1 + inputTokens / PROMPT_TOKENS
}

/**
 * What this node has measured of providers, kept at four levels: a model at a provider, the provider, the model, and all.
 * Where a level has few observations, the ones above speak.
 */
export class Measurements {
  readonly #records = new Map<string, Map<string, TrackRecord>>()
  #changed = new Set<string>()

  constructor(rows: Iterable<MeasurementRow> = []) {
    for (const { provider, model, record } of rows) this.#put(provider, model, record)
    this.#changed.clear()
  }

  firstToken(provider: string, model: string, ms: number, now: number): void {
    this.#observe('firstTokenMs', provider, model, ms, now)
    for (const [who, what] of levelsOf(provider, model)) {
      const record = this.recordOf(who, what)
      this.#put(who, what, { ...record, firstTokens: withDuration(record.firstTokens, ms, now) })
    }
  }

  /** @param claimed tokens a second, as the offer says */
  speed(
    provider: string,
    model: string,
    tokenMs: number,
    claimed: number | null,
    now: number,
  ): void {
    this.#observe('tokenMs', provider, model, tokenMs, now)
    if (claimed !== null && claimed > 0)
      this.#observe('slowness', provider, model, (tokenMs * claimed) / 1000, now)
  }

  /** @param model empty where it is not known */
  outcome(provider: string, model: string, failed: boolean, now: number): void {
    this.#observe('failures', provider, model, failed ? 1 : 0, now)
  }

  /** An answer was compared with those of others. @param doubt 0 confirmed, 1 refuted */
  compared(provider: string, model: string, doubt: number, now: number): void {
    this.#observe('doubts', provider, model, doubt, now, DOUBT_HALF_LIFE_MS)
  }

  length(provider: string, model: string, outputTokens: number, now: number): void {
    this.#observe('outputTokens', provider, model, outputTokens, now)
  }

  /** What to expect of a newcomer that offers this model: the same for all candidates of a request. */
  usual(model: string, now: number): Usual {
    const [, , models, all] = this.#levels('', model)
    const { unknown, marketWeight } = PRIORS
    const chain = (of: (record: TrackRecord) => Average, prior: number) =>
      estimate(of(models), now, estimate(of(all), now, prior, marketWeight), marketWeight)
    return {
      firstTokenMs: unknown * chain((record) => record.firstTokenMs, PRIORS.firstTokenMs),
      tokenMs: unknown * chain((record) => record.tokenMs, PRIORS.tokenMs),
      slowness: estimate(all.slowness, now, PRIORS.slowness, marketWeight),
      errorRate: estimate(all.failures, now, PRIORS.errorRate, marketWeight),
    }
  }

  /** @param claimed tokens a second, as the offer says */
  expect(
    provider: string,
    model: string,
    claimed: number | null,
    usual: Usual,
    now: number,
  ): Expectation {
    const known = this.#records.get(provider)
    const theirs = known?.get('') ?? EMPTY
    const own = known?.get(model) ?? EMPTY
    const { weight, failureWeight } = PRIORS
    const chain = (one: Average, other: Average, prior: number, k: number) =>
      estimate(one, now, estimate(other, now, prior, k), k)
    const slowness = estimate(theirs.slowness, now, usual.slowness, weight)
    const promised = claimed === null || claimed <= 0 ? usual.tokenMs : (slowness * 1000) / claimed
    return {
      firstTokenMs: chain(own.firstTokenMs, theirs.firstTokenMs, usual.firstTokenMs, weight),
      tokenMs: estimate(own.tokenMs, now, promised, weight),
      errorRate: chain(own.failures, theirs.failures, usual.errorRate, failureWeight),
      // Who cheats with one model is not to be trusted with another.
      doubt: estimate(theirs.doubts, now, 0, weight, DOUBT_HALF_LIFE_MS),
      observations: weightAt(own.failures, now),
    }
  }

  /** How long an answer of this model is, when the client does not say. */
  expectedLength(model: string, now: number): number {
    const [, , models, all] = this.#levels('', model)
    return [all, models].reduce<number>(
      (value, { outputTokens }) => estimate(outputTokens, now, value, PRIORS.weight),
      PRIORS.outputTokens,
    )
  }

  /** Most first tokens came within this, for a short prompt, ms; of the model at the provider where enough is known of it, else of all. */
  firstTokenQuantile(provider: string, model: string, q: number, now: number): number | undefined {
    const [own, , models, all] = this.#levels(provider, model)
    const enough = (record: TrackRecord, least: number) => countOf(record.firstTokens, now) >= least
    const speaks =
      (enough(own, OBSERVATIONS_OF_ONE_MIN) && own) ||
      [models, all].find((record) => enough(record, OBSERVATIONS_OF_ALL_MIN))
    return speaks ? quantile(speaks.firstTokens, q) : undefined
  }

  /** What was measured of a model at a provider. */
  recordOf(provider: string, model: string): TrackRecord {
    return this.#records.get(provider)?.get(model) ?? EMPTY
  }

  /** Rows that have changed since they were asked for last. */
  takeChanged(): MeasurementRow[] {
    const rows = [...this.#changed].flatMap((provider) =>
      [...(this.#records.get(provider) ?? [])].map(([model, record]) => ({
        provider,
        model,
        record,
      })),
    )
    this.#changed = new Set()
    return rows
  }

  #levels(
    provider: string,
    model: string,
  ): readonly [TrackRecord, TrackRecord, TrackRecord, TrackRecord] {
    const own = this.#records.get(provider)
    const all = this.#records.get('')
    return [
      own?.get(model) ?? EMPTY,
      own?.get('') ?? EMPTY,
      all?.get(model) ?? EMPTY,
      all?.get('') ?? EMPTY,
    ]
  }

  /**
   * Of all providers together only the first observation of each counts: that is what to expect of a newcomer, and good
   * providers are asked far more often than others. How long answers are does not depend on who gives them.
   */
  #observe(
    field: AverageField,
    provider: string,
    model: string,
    value: number,
    now: number,
    halfLifeMs?: number,
  ): void {
    const isFirst = weightAt(this.recordOf(provider, model)[field], now) < NEWCOMER_WEIGHT_MAX
    for (const [who, what] of levelsOf(provider, model)) {
      if (who === '' && !isFirst && field !== 'outputTokens') continue
      const record = this.recordOf(who, what)
      this.#put(who, what, { ...record, [field]: observed(record[field], value, now, halfLifeMs) })
    }
  }

  #put(provider: string, model: string, record: TrackRecord): void {
    const models = this.#records.get(provider) ?? new Map<string, TrackRecord>()
    // Whoever was measured last is last: the first ones are forgotten when there are too many.
    this.#records.delete(provider)
    this.#records.set(provider, models.set(model, record))
    this.#changed.add(provider)
    if (this.#records.size > ROWS_MAX) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const provider of this.#records.keys()) {
      if (provider === '') continue
      this.#records.delete(provider)
      return
    }
  }
}
