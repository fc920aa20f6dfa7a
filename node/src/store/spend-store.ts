import { setImmediate as nextTurn } from 'node:timers/promises'
import { receipt } from '@hanse/protocol'
import { type Database, unpack } from './database.ts'

/** Whose money a session costs. */
export interface Attribution {
  readonly session: string
  /** Id of a key; `owner` for the owner’s own. */
  readonly key: string
  /** When its cost was set aside, ms since 1970: it is spent in the period that this lies in. */
  readonly at: number
  readonly tags: readonly string[]
}

/** What a session of this node's came to, by the last receipt that both sides signed. */
export interface SpendRow {
  readonly session: string
  readonly at: number
  /** Empty when it is no longer known whose it was. */
  readonly key: string
  readonly tags: readonly string[]
  readonly model: string
  readonly provider: string
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  /** Pico-euro. */
  readonly amount: bigint
}

export interface SpendTotal {
  readonly key: string
  /** Such as `2026-11`. */
  readonly month: string
  readonly sessions: number
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly amount: bigint
}

/** The key that stands for the owner, who has no row of their own. */
export const OWNER = 'owner'

/** Rows read before others have their turn: about a millisecond's worth. */
const PAGE_ROWS = 500
const ANONYMISE_BATCH = 500
/** Between setting aside what an order costs and its first row lies at most asking settlement for an authorization. */
const LATE_MS = 3_600_000

/** Sums of integers overflow beyond nine million euro, so they are made in two parts. */
const SUM = 'sum(r.amount / 1000000000) as high, sum(r.amount % 1000000000) as low'
const LAST = 'r.sequence = (select max(sequence) from receipt m where m.session = r.session)'
const COLUMNS = `s.session, s.rowid as id, s.started_at, coalesce(a.at, s.started_at) as at, coalesce(a.key, '${OWNER}') as key,
  coalesce(a.tags, '[]') as tags, s.model, s.peer, r.amount, r.input_tokens, r.output_tokens,
  case when r.input_tokens is null then r.signed end as signed`

/** Whose money sessions cost, and what they came to. Nothing here is counted twice: sums are always made of receipts. */
export class SpendStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** To be called in the turn in which the session is kept, which its order waits for; no receipt is ever without it then. */
  attribute({ session, key, at, tags }: Attribution): void {
    this.#db.write(() =>
      this.#db
        .prepare('insert into attribution (session, key, at, tags) values (?, ?, ?, ?)')
        .run(session, key, at, JSON.stringify(tags)),
    )
  }

  /** The key that a session is on; `undefined` for the owner's own without tags. */
  keyOf(session: string): string | undefined {
    const row = this.#db.prepare('select key from attribution where session = ?').get(session)
    return row === undefined ? undefined : String(row.key)
  }

  /** What a session came to so far, pico-euro. */
  amountOf(session: string): bigint {
    const [row] = this.#db.bigints(
      'select amount from receipt where session = ? order by sequence desc limit 1',
      session,
    )
    return row === undefined ? 0n : (row.amount as bigint)
  }

  /**
   * What a key has spent since `from`, pico-euro.
   *
   * @param month the first month whose totals count, such as `2026-11`; none when absent
   */
  spentBy(key: string, from: number, month?: string): bigint {
    const [row] = this.#db.bigints(
      `select ${SUM} from attribution a join receipt r on r.session = a.session and ${LAST}
       where a.key = ? and a.at >= ?`,
      key,
      from,
    )
    const totals = month === undefined ? [] : this.totals(key).filter((t) => t.month >= month)
    return totals.reduce((sum, { amount }) => sum + amount, sumOf(row))
  }

  /** What this node has spent since `from`, whoever asked for it; pico-euro. */
  spent(from: number): bigint {
    const [row] = this.#db.bigints(
      `select ${SUM} from session s join receipt r on r.session = s.session and ${LAST}
         left join attribution a on a.session = s.session
       where s.role = 'consumer' and s.started_at >= ? and coalesce(a.at, s.started_at) >= ?`,
      from - LATE_MS,
      from,
    )
    return sumOf(row)
  }

  /**
   * What this node has spent from `from` to before `to` on what `counts`, pico-euro. Summed by key, tags and model first, so
   * that there are few to ask about.
   */
  spentOn(
    from: number,
    to: number,
    counts: (spent: {
      readonly key: string
      readonly tags: readonly string[]
      readonly model: string
    }) => boolean,
  ): bigint {
    const rows = this.#db.bigints(
      `select coalesce(a.key, '${OWNER}') as key, coalesce(a.tags, '[]') as tags, s.model, ${SUM}
       from session s join receipt r on r.session = s.session and ${LAST}
         left join attribution a on a.session = s.session
       where s.role = 'consumer' and s.started_at >= ? and s.started_at < ?
         and coalesce(a.at, s.started_at) >= ? and coalesce(a.at, s.started_at) < ?
       group by 1, 2, 3`,
      from - LATE_MS,
      Math.min(to, Number.MAX_SAFE_INTEGER - LATE_MS) + LATE_MS,
      from,
      Math.min(to, Number.MAX_SAFE_INTEGER),
    )
    return rows
      .filter((row) =>
        counts({
          key: String(row.key),
          tags: JSON.parse(String(row.tags)) as string[],
          model: String(row.model),
        }),
      )
      .reduce((sum, row) => sum + sumOf(row), 0n)
  }

  /** Sessions with receipts, of the time from `from` to before `to`. Others have their turn now and then. */
  async *rows(from: number, to: number): AsyncGenerator<SpendRow> {
    let after = { startedAt: from - LATE_MS, id: -1n }
    for (;;) {
      const page = this.#db.bigints(
        `select ${COLUMNS} from session s join receipt r on r.session = s.session and ${LAST}
           left join attribution a on a.session = s.session
         where s.role = 'consumer' and (s.started_at, s.rowid) > (?, ?) and s.started_at < ?
         order by s.started_at, s.rowid limit ${PAGE_ROWS}`,
        after.startedAt,
        after.id,
        to + LATE_MS,
      )
      for (const row of page) {
        const at = Number(row.at)
        if (at >= from && at < to) yield toRow(row)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE_ROWS) return
      after = { startedAt: Number(last.started_at), id: last.id as bigint }
      await nextTurn()
    }
  }

  /** What is left of attributions that were anonymised, oldest month first. */
  totals(key?: string): SpendTotal[] {
    return this.#db
      .bigints(
        `select * from spend_total where ${key === undefined ? '? is null' : 'key = ?'} order by month, key`,
        key ?? null,
      )
      .map((row) => ({
        key: String(row.key),
        month: String(row.month),
        sessions: Number(row.sessions),
        inputTokens: row.input_tokens as bigint,
        outputTokens: row.output_tokens as bigint,
        amount: row.amount as bigint,
      }))
  }

  /**
   * Forgets of some orders from before `before` whose they were and how they were tagged; what they came to is added to the
   * totals of their key and month.
   *
   * @returns how many, and whether there may be more
   */
  anonymise(before: number): { removed: number; more: boolean } {
    const removed = this.#db.transaction(() => {
      const rows = this.#db.bigints(
        `select a.session, a.key, a.at, r.amount, r.input_tokens, r.output_tokens,
           case when r.input_tokens is null then r.signed end as signed
         from attribution a left join receipt r on r.session = a.session and ${LAST}
         where a.key <> '' and a.at < ? order by a.at limit ${ANONYMISE_BATCH}`,
        before,
      )
      for (const row of rows) {
        if (typeof row.amount === 'bigint') this.#addToTotal(row)
        this.#db
          .prepare("update attribution set key = '', tags = '[]' where session = ?")
          .run(String(row.session))
      }
      return rows.length
    })
    return { removed, more: removed === ANONYMISE_BATCH }
  }

  #addToTotal(row: Record<string, unknown>): void {
    const { inputTokens, outputTokens } = tokensOf(row)
    this.#db
      .prepare(
        `insert into spend_total (key, month, sessions, input_tokens, output_tokens, amount) values (?, ?, 1, ?, ?, ?)
         on conflict (key, month) do update set sessions = sessions + 1, input_tokens = input_tokens + excluded.input_tokens,
           output_tokens = output_tokens + excluded.output_tokens, amount = amount + excluded.amount`,
      )
      .run(
        String(row.key),
        monthOf(Number(row.at)),
        inputTokens,
        outputTokens,
        row.amount as bigint,
      )
  }
}

/** The month of a time in UTC, such as `2026-11`. */
export function monthOf(at: number): string {
  return new Date(at).toISOString().slice(0, 7)
}

function sumOf(row: Record<string, unknown> | undefined): bigint {
  const part = (value: unknown) => (typeof value === 'bigint' ? value : 0n)
  return part(row?.high) * 1_000_000_000n + part(row?.low)
}

function toRow(row: Record<string, unknown>): SpendRow {
  return {
    session: String(row.session),
    at: Number(row.at),
    key: String(row.key),
    tags: JSON.parse(String(row.tags)) as string[],
    model: String(row.model),
    provider: String(row.peer),
    ...tokensOf(row),
    amount: row.amount as bigint,
  }
}

function tokensOf(row: Record<string, unknown>): Pick<SpendRow, 'inputTokens' | 'outputTokens'> {
  const { input_tokens: inputTokens, output_tokens: outputTokens } = row
  if (typeof inputTokens === 'bigint' && typeof outputTokens === 'bigint')
    return { inputTokens, outputTokens }
  const said = receipt.decode(unpack(row.signed).bytes)
  return { inputTokens: said.inputTokens, outputTokens: said.outputTokens }
}
