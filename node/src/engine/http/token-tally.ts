import { SILENT_TOKENS_MAX } from '@hanse/protocol'
import { numberIn } from '../json.ts'

const SILENT_TOKENS = Number(SILENT_TOKENS_MAX)

/**
 * Counts an answer's output tokens, chunk by chunk.
 *
 * An engine may report fewer than it showed, or absurdly many. What was shown is counted in any case, and never more
 * than a consumer believes of the text so far: a token is at least one byte, but for a few that show nothing.
 */
export class TokenTally {
  #tokens = 0
  #shownBytes = 0

  get tokens(): number {
    return this.#tokens
  }

  /**
   * @param shownBytes text that this chunk adds
   * @param seen tokens that can be seen in it
   * @param total what the engine says that the whole answer is worth so far
   * @returns what the chunk is worth
   */
  add(shownBytes: number, seen: number, total: number | undefined): number {
    this.#shownBytes += shownBytes
    const believed = this.#shownBytes + SILENT_TOKENS - this.#tokens
    const uncounted = (total ?? 0) - this.#tokens
    const tokens = Math.max(0, Math.min(believed, Math.max(seen, uncounted)))
    this.#tokens += tokens
    return tokens
  }
}

/** A count of tokens in an engine's words; `undefined` when it is none, such as a fraction or a negative number. */
export function countIn(object: unknown, key: string): number | undefined {
  const value = numberIn(object, key)
  return value !== undefined && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
