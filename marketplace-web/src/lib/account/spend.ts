import { parseEuro } from '@hanse/client'
import type { Client } from '#lib/api.ts'
import type { DayParts } from '#lib/ui/chart/series.ts'

/** What gateways say of a session in tags such as `team:web`; a session has one of each, or none. */
export const toldGroupings = ['team', 'feature', 'prompt'] as const
export type ToldGrouping = (typeof toldGroupings)[number]
type SummedGrouping = 'model' | 'provider' | 'country' | 'key' | 'member' | 'user' | 'tag'
export type Grouping = SummedGrouping | ToldGrouping
export type SpendRow = {
  readonly day: string
  /** Of what it is summed by; empty is what has none. */
  readonly part: string
  readonly sessions: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  /** Pico-euro. */
  readonly amount: bigint
  readonly fee: bigint
}

const dayMs = 86_400_000

/** The last `count` days in UTC, today among them: such as `2026-11-21`. */
export function lastDays(count: number, now: number): string[] {
  const today = Math.floor(now / dayMs)
  return Array.from({ length: count }, (_, at) => isoDay((today - count + 1 + at) * dayMs))
}

export const isoDay = (at: number): string => new Date(at).toISOString().slice(0, 10)

export const dayAfter = (day: string): string => isoDay(Date.parse(day) + dayMs)

/** What was paid, by day and part, in whole. */
export async function readSpend(
  client: Client,
  days: readonly string[],
  group: Grouping,
): Promise<SpendRow[]> {
  if (!isTold(group)) return readSums(client, days, group)
  const [tags, all] = await Promise.all([
    readSums(client, days, 'tag'),
    readSums(client, days, 'model'),
  ])
  return rowsOfTold(group, tags, all)
}

const isTold = (group: Grouping): group is ToldGrouping =>
  (toldGroupings as readonly string[]).includes(group)

async function readSums(
  client: Client,
  days: readonly string[],
  group: SummedGrouping,
): Promise<SpendRow[]> {
  const [from = '', to = ''] = [days[0], days.at(-1)]
  const query = { from, to: dayAfter(to), group, limit: 1000 }
  const rows: SpendRow[] = []
  for await (const row of client.each('/v1/costs', { params: { query } })) {
    rows.push({
      day: row.day,
      part: row.key,
      sessions: BigInt(row.sessions),
      inputTokens: BigInt(row.inputTokens),
      outputTokens: BigInt(row.outputTokens),
      amount: parseEuro(row.amount),
      fee: parseEuro(row.fee),
    })
  }
  return rows
}

/**
 * The tags that begin with the grouping's name, without it, and for each day what has none of them.
 *
 * @param all everything once, by any part
 */
export function rowsOfTold(
  group: ToldGrouping,
  tags: readonly SpendRow[],
  all: readonly SpendRow[],
): SpendRow[] {
  const begin = `${group}:`
  const named = tags
    .filter(({ part }) => part.startsWith(begin))
    .map((row) => ({ ...row, part: row.part.slice(begin.length) }))
  const known = Map.groupBy(named, ({ day }) => day)
  const rest = [...Map.groupBy(all, ({ day }) => day)].map(([day, of]) =>
    restOf(day, of, known.get(day) ?? []),
  )
  // Below nothing where somebody gave a session two teams: it counts under both.
  return [...named, ...rest.filter(({ sessions }) => sessions > 0n)]
}

function restOf(day: string, all: readonly SpendRow[], known: readonly SpendRow[]): SpendRow {
  const left = (measure: Measure) => sumOf(all, measure) - sumOf(known, measure)
  return {
    day,
    part: '',
    sessions: left('sessions'),
    inputTokens: left('inputTokens'),
    outputTokens: left('outputTokens'),
    amount: left('amount'),
    fee: left('fee'),
  }
}

/** Every day, also those without any spend. */
export function byDay(days: readonly string[], rows: readonly SpendRow[]): DayParts[] {
  const found = Map.groupBy(rows, ({ day }) => day)
  return days.map((day) => ({
    day,
    parts: new Map((found.get(day) ?? []).map(({ part, amount }) => [part, amount])),
  }))
}

export type PartSum = Omit<SpendRow, 'day'>

/** The whole time in one row for each part, the dearest first. */
export function byPart(rows: readonly SpendRow[]): PartSum[] {
  const sums = [...Map.groupBy(rows, ({ part }) => part)].map(([part, of]) => ({
    part,
    sessions: sumOf(of, 'sessions'),
    inputTokens: sumOf(of, 'inputTokens'),
    outputTokens: sumOf(of, 'outputTokens'),
    amount: sumOf(of, 'amount'),
    fee: sumOf(of, 'fee'),
  }))
  return sums.toSorted((a, b) => (a.amount === b.amount ? 0 : a.amount < b.amount ? 1 : -1))
}

type Measure = 'sessions' | 'inputTokens' | 'outputTokens' | 'amount' | 'fee'

export const sumOf = (rows: readonly Pick<SpendRow, Measure>[], measure: Measure): bigint =>
  rows.reduce((sum, row) => sum + row[measure], 0n)
