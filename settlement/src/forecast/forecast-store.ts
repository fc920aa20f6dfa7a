import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import type { SpendForecast } from './spend-forecast.ts'

export interface KeptForecast {
  /** What it was made of: another revision is another forecast. */
  readonly revision: string
  readonly forecast: SpendForecast
}

/** The last forecast of each organization. */
export function forecastStore(db: Database) {
  return {
    keptForecast: async (organization: string): Promise<KeptForecast | undefined> => {
      const [found] = await rows<{ revision: string; content: string }>(
        db,
        sql`select revision, content::text as content from spend_forecast where organization = ${organization}`,
      )
      if (found === undefined) return undefined
      return { revision: found.revision, forecast: JSON.parse(found.content) as SpendForecast }
    },

    /** In place of the one before. */
    keepForecast: async (
      organization: string,
      { revision, forecast }: KeptForecast,
      at: number,
    ): Promise<void> => {
      await db.execute(
        sql`insert into spend_forecast (organization, day, revision, content, made_at)
          values (${organization}, ${forecast.from}::date, ${revision}, ${JSON.stringify(forecast)}::jsonb,
            ${new Date(at).toISOString()}::timestamptz)
          on conflict (organization) do update set day = excluded.day, revision = excluded.revision,
            content = excluded.content, made_at = excluded.made_at
          where spend_forecast.day <= excluded.day`,
      )
    },
  }
}
