import { createHash } from 'node:crypto'
import pg from 'pg'

/** A text that came so often comes again. */
const REPEATS_MIN = 5
/** Each one that is kept takes memory of the server, on each connection: some tens of kilobytes where its plan is large. */
const KEPT_MAX = 256
/** Texts with lists of any length in them could be without end. */
const COUNTED_MAX = 2_048

/**
 * Names for the statements that come again and again. The server parses and plans a named statement once for a connection,
 * one without a name each time; of the larger ones that is more work than to run them.
 */
export class RepeatedStatements {
  readonly #names = new Map<string, string>()
  #counts = new Map<string, number>()

  /** @returns `undefined` for what is not (yet) worth keeping */
  nameOf(text: string): string | undefined {
    const known = this.#names.get(text)
    if (known !== undefined || this.#names.size >= KEPT_MAX) return known
    const count = (this.#counts.get(text) ?? 0) + 1
    if (count < REPEATS_MIN) {
      if (this.#counts.size >= COUNTED_MAX) this.#counts = new Map()
      this.#counts.set(text, count)
      return undefined
    }
    this.#counts.delete(text)
    const name = `hanse_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`
    this.#names.set(text, name)
    return name
  }
}

interface QueryConfig {
  readonly text?: unknown
  readonly name?: unknown
}

/** Connections whose repeated statements are prepared; those of one pool know of each other's. */
export function preparingClient(statements = new RepeatedStatements()): new () => pg.Client {
  return class PreparingClient extends pg.Client {
    /** Without values a text may be several statements, which cannot be prepared. */
    // biome-ignore lint/suspicious/noExplicitAny: stands for all the overloads of the method
    override query(config: any, values?: any, callback?: any): any {
      const name = hasValues(values) ? nameFor(config, statements) : undefined
      return super.query(name === undefined ? config : { ...config, name }, values, callback)
    }
  }
}

const hasValues = (values: unknown): boolean => Array.isArray(values) && values.length > 0

function nameFor(config: QueryConfig | string, statements: RepeatedStatements): string | undefined {
  if (typeof config === 'string' || typeof config.text !== 'string') return undefined
  return config.name === undefined ? statements.nameOf(config.text) : undefined
}
