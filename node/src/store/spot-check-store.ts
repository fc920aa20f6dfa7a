import { type SignedRecord, type SpotCheck, spotCheck } from '@hanse/protocol'
import { type Database, pack, unpack } from './database.ts'

/** A comparison of two answers, as this node signed it. */
export interface SpotCheckRow {
  readonly cid: string
  readonly check: SpotCheck
  readonly signed: SignedRecord
  /** Whether the answers differ by more than the owner lets pass. */
  readonly differ: boolean
  /** `undefined` once they were forgotten. */
  readonly texts: readonly [first: string, second: string] | undefined
}

/** What this node has found out about providers by asking twice. */
export class SpotCheckStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  put({ cid, check, signed, differ, texts }: SpotCheckRow): void {
    this.#db
      .prepare(
        `insert into spot_check (cid, at, model, first, second, divergence, differ, signed, first_text, second_text)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
      )
      .run(
        cid,
        check.at,
        check.model,
        check.first.provider,
        check.second.provider,
        check.divergence,
        differ ? 1 : 0,
        pack(signed),
        texts?.[0] ?? null,
        texts?.[1] ?? null,
      )
  }

  /** Newest first. */
  list(limit: number): SpotCheckRow[] {
    return this.#db
      .prepare('select * from spot_check order by at desc, cid limit ?')
      .all(limit)
      .map((row) => {
        const signed = unpack(row.signed)
        const [first, second] = [row.first_text, row.second_text]
        return {
          cid: String(row.cid),
          check: spotCheck.decode(signed.bytes),
          signed,
          differ: row.differ === 1,
          texts: first === null || second === null ? undefined : [String(first), String(second)],
        }
      })
  }

  /** Forgets the texts of comparisons before `before`; what was found stays. @returns how many */
  forgetTexts(before: number): number {
    const { changes } = this.#db
      .prepare(
        'update spot_check set first_text = null, second_text = null where at < ? and first_text is not null',
      )
      .run(before)
    return Number(changes)
  }
}
