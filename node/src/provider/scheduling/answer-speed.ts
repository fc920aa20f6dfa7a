/** What one answer showed of the engine's speed. */
export interface AnswerSample {
  readonly inputTokens: number
  /** From the grant of the slot to the first token; `undefined` when none came. */
  readonly firstTokenMs: number | undefined
  /** Tokens that came after the first one while nobody held the engine back, and how long they took. */
  readonly decodedTokens: number
  readonly decodeMs: number
  readonly outputTokens: number
  /** Only whole answers tell how long answers are. */
  readonly whole: boolean
}

/** Each answer weighs this much less than the next: about the last ten count, so a new load shows within minutes. */
const DECAY = 0.9
/** Fewer tokens than these say more of timers than of engines. */
const DECODED_TOKENS_MIN = 8
/** Prompts must differ by this, squared tokens, before a slope can be told from noise. */
const VARIANCE_MIN = 64 ** 2

/**
 * How fast a model answers, learnt from its answers: time to the first token as a straight line over the length of the
 * prompt, tokens a second after that, and the usual length of an answer. Unknown is `undefined`, never a guess.
 */
export class AnswerSpeed {
  #first = { weight: 0, x: 0, y: 0, xx: 0, xy: 0 }
  #decode = { tokens: 0, ms: 0 }
  #length = { weight: 0, sum: 0, squares: 0 }

  add(sample: AnswerSample): void {
    const { inputTokens: x, firstTokenMs: y } = sample
    if (y !== undefined) {
      const { weight, x: sumX, y: sumY, xx, xy } = this.#first
      this.#first = {
        weight: weight * DECAY + 1,
        x: sumX * DECAY + x,
        y: sumY * DECAY + y,
        xx: xx * DECAY + x * x,
        xy: xy * DECAY + x * y,
      }
    }
    if (sample.decodedTokens >= DECODED_TOKENS_MIN) {
      this.#decode = {
        tokens: this.#decode.tokens * DECAY + sample.decodedTokens,
        ms: this.#decode.ms * DECAY + Math.max(sample.decodeMs, 1),
      }
    }
    if (sample.whole) {
      const { weight, sum, squares } = this.#length
      this.#length = {
        weight: weight * DECAY + 1,
        sum: sum * DECAY + sample.outputTokens,
        squares: squares * DECAY + sample.outputTokens ** 2,
      }
    }
  }

  /** Of one answer, after its first token. */
  get tokensPerSecond(): number | undefined {
    const { tokens, ms } = this.#decode
    return ms === 0 ? undefined : (tokens * 1000) / ms
  }

  /** How many tokens of a prompt are read in a second; `undefined` until prompts of different lengths came. */
  get inputTokensPerSecond(): number | undefined {
    const slope = this.#slope()
    return slope > 0 ? 1000 / slope : undefined
  }

  firstTokenMs(inputTokens: number): number | undefined {
    const { weight, x, y } = this.#first
    if (weight === 0) return undefined
    const slope = this.#slope()
    return Math.max(0, y / weight + slope * (inputTokens - x / weight))
  }

  /** As many tokens as an answer likely has: the mean and one deviation, never above `max`. */
  expectedOutputTokens(max: number): number {
    const { weight, sum, squares } = this.#length
    if (weight === 0) return max
    const mean = sum / weight
    const deviation = Math.sqrt(Math.max(0, squares / weight - mean * mean))
    return Math.min(max, Math.ceil(mean + deviation))
  }

  /** How long an answer likely takes from the grant of a slot on; `undefined` while the speed is unknown. */
  serviceMs(inputTokens: number, maxOutputTokens: number): number | undefined {
    const firstTokenMs = this.firstTokenMs(inputTokens)
    // What is embedded is read, and nothing comes after.
    if (maxOutputTokens === 0) return firstTokenMs
    const speed = this.tokensPerSecond
    if (firstTokenMs === undefined || speed === undefined) return undefined
    return firstTokenMs + (this.expectedOutputTokens(maxOutputTokens) * 1000) / speed
  }

  /**
   * How long an answer that runs still takes. One that is already longer than usual is expected to go on for half of
   * what it has: the longer it was, the longer it will be.
   */
  remainingMs(running: {
    readonly inputTokens: number
    readonly maxOutputTokens: number
    readonly outputTokens: number
    readonly elapsedMs: number
  }): number | undefined {
    const { inputTokens, maxOutputTokens, outputTokens, elapsedMs } = running
    const firstTokenMs = this.firstTokenMs(inputTokens)
    if (firstTokenMs === undefined) return undefined
    if (maxOutputTokens === 0) return Math.max(0, firstTokenMs - elapsedMs)
    const speed = this.tokensPerSecond
    if (speed === undefined) return undefined
    const usual = this.expectedOutputTokens(maxOutputTokens) - outputTokens
    const rest = Math.min(maxOutputTokens - outputTokens, Math.max(usual, outputTokens / 2))
    const reading = outputTokens > 0 ? 0 : Math.max(0, firstTokenMs - elapsedMs)
    return reading + (Math.max(0, rest) * 1000) / speed
  }

  /** Milliseconds per input token, by least squares; 0 while it cannot be told. */
  #slope(): number {
    const { weight, x, y, xx, xy } = this.#first
    if (weight === 0) return 0
    const variance = xx / weight - (x / weight) ** 2
    if (variance < VARIANCE_MIN) return 0
    return Math.max(0, (xy / weight - (x / weight) * (y / weight)) / variance)
  }
}
