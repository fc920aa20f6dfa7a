export interface LogFeedOptions {
  /** Lines that no disk took. */
  readonly lost: () => number
  /** Lines of the log files, oldest first; empty without files. */
  readonly older: (count: number) => string[]
}

/** Kept in memory for when there is no log file to read: a screen or two of a busy daemon. */
const RECENT_MAX = 1_000

/** The log as whoever watches a daemon reads it: the last lines, then new ones as they come. */
export class LogFeed {
  readonly #options: LogFeedOptions
  readonly #recent: string[] = []
  readonly #listeners = new Set<(line: string) => void>()

  constructor(options: LogFeedOptions) {
    this.#options = options
  }

  get lost(): number {
    return this.#options.lost()
  }

  push(line: string): void {
    const text = line.trimEnd()
    this.#recent.push(text)
    if (this.#recent.length > RECENT_MAX) this.#recent.shift()
    for (const listener of this.#listeners) listener(text)
  }

  /** The last lines, oldest first. */
  tail(count: number): string[] {
    if (count <= 0) return []
    // Files reach back beyond the start of this daemon, where the reason of a crash is.
    const older = this.#options.lost() > 0 ? [] : this.#options.older(count)
    return older.length > 0 ? older : this.#recent.slice(-count)
  }

  /** Hands over each new line, without its line feed. @returns what ends it */
  follow(listener: (line: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
