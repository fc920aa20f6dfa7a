import { z } from 'zod'
import type { MeasurementRow, MeasurementStore } from '../consumer/routing/index.ts'
import type { Database } from './database.ts'

/** What is older counts next to nothing. */
const KEPT_MS = 30 * 86_400_000

const number = z.number()
const average = z.object({ mean: number, weight: number.min(0), at: number })
/** A later release may measure more, and an earlier one less: what does not fit is measured anew. */
const recordSchema = z.object({
  firstTokenMs: average,
  tokenMs: average,
  slowness: average,
  failures: average,
  outputTokens: average,
  doubts: average,
  firstTokens: z.object({ counts: z.record(z.string(), number.min(0)), at: number }),
})

/** What a node has measured of providers. */
export class SqliteMeasurementStore implements MeasurementStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Those measured least lately first. */
  measurements(): MeasurementRow[] {
    return this.#db
      .prepare('select provider, model, record from measurement order by at')
      .all()
      .flatMap(({ provider, model, record }) => {
        const { success, data } = recordSchema.safeParse(parsed(String(record)))
        return success ? [{ provider: String(provider), model: String(model), record: data }] : []
      })
  }

  putMeasurements(rows: readonly MeasurementRow[], now: number): void {
    this.#db.transaction(() => {
      for (const { provider, model, record } of rows)
        this.#db
          .prepare(
            `insert into measurement (provider, model, record, at) values (?, ?, ?, ?)
             on conflict (provider, model) do update set record = excluded.record, at = excluded.at`,
          )
          .run(provider, model, JSON.stringify(record), Math.round(now))
      this.#db.prepare('delete from measurement where at < ?').run(Math.round(now - KEPT_MS))
    })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
