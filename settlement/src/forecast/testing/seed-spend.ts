import type { SettlementStore } from '../../db/store.ts'
import { DAY_MS } from '../daily-series.ts'

/** What one model of one provider cost on a day. */
export interface SeededDay {
  /** Milliseconds since 1970: when the day begins. */
  readonly day: number
  readonly model: string
  readonly provider: string
  readonly euro: number
  /** The hours it is spread over, evenly; all when not given. */
  readonly hours?: readonly [from: number, to: number]
  /** Prefix of the key that it was spent with. */
  readonly key?: string
}

const HOUR_MS = DAY_MS / 24
/** Amounts are whole millionths of a euro here. */
const MICRO = 1_000_000n

/** Writes the rollups of usage alone: there are no sessions behind them. */
export async function seedSpend(
  store: Pick<SettlementStore, 'executeSql'>,
  organization: string,
  days: readonly SeededDay[],
): Promise<void> {
  const hourly = days.flatMap(({ day, model, provider, key, euro, hours: [from, to] = [0, 24] }) =>
    Array.from({ length: to - from }, (_, i) => ({
      at: new Date(day + (from + i) * HOUR_MS).toISOString(),
      model,
      provider,
      key,
      amount: (BigInt(Math.round((euro * 1e6) / (to - from))) * MICRO).toString(),
    })),
  )
  for (const unit of ['hour', 'day'] as const) {
    await store.executeSql(
      `insert into usage_${unit === 'hour' ? 'hourly' : 'daily'} (organization, dimension, key, ${unit}, sessions,
         input_tokens, cached_input_tokens, output_tokens, amount, fee)
       select $1, v.dimension, v.key, date_trunc('${unit}', x.at, 'UTC'), count(*), 0, 0, 0, sum(x.amount), 0
       from json_to_recordset($2::json) as x(at timestamptz, model text, provider text, key text, amount numeric)
       cross join lateral (values ('total', ''), ('model', x.model), ('provider', x.provider), ('country', 'DE'),
         ('key', x.key)) as v(dimension, key)
       where v.key is not null
       group by 2, 3, 4
       on conflict (organization, dimension, ${unit}, key) do update
         set amount = usage_${unit === 'hour' ? 'hourly' : 'daily'}.amount + excluded.amount`,
      [organization, JSON.stringify(hourly)],
    )
  }
}
