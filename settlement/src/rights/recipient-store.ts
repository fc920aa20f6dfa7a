import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { authorizationsOf, type Side } from '../deletion/plan-deletions.ts'
import type { Subject } from './request-store.ts'

/** A node to which something about somebody went, because it was promised their money, or spent it. */
export interface Recipient {
  readonly node: string
  readonly side: Side
  /** Authorizations that name it. */
  readonly authorizations: number
  /** Of the last one, milliseconds since 1970. */
  readonly lastAt: number
}

/** More would not be read; each is in the export too. */
const RECIPIENTS_MAX = 500

export function recipientStore(db: Database) {
  return {
    /**
     * Who was told of somebody (GDPR, Article 19), the last first. A restriction reaches them as a revocation of what they were
     * promised, which all nodes ask for every few seconds; whose it was they are not told.
     */
    recipientsOf: async ({ kind, id }: Subject): Promise<Recipient[]> => {
      const whose = authorizationsOf({ kind, id }) ?? sql`a.provider = ${id}`
      // Of a provider, those who know it are the gateways that were let to spend there.
      const sides = kind === 'provider' ? sql`('consumer', a.consumer)` : BOTH
      const found = await rows<Omit<Recipient, 'lastAt'> & { lastAt: string }>(
        db,
        sql`select n.node, n.side, count(*)::int4 as authorizations,
            (extract(epoch from max(a.issued_at)) * 1000)::int8::text as "lastAt"
          from spend_authorization a cross join lateral (values ${sides}) n(side, node)
          where ${whose} group by n.node, n.side order by max(a.issued_at) desc, n.node, n.side limit ${RECIPIENTS_MAX}`,
      )
      return found.map((row) => ({ ...row, lastAt: Number(row.lastAt) }))
    },
  }
}

const BOTH = sql`('provider', a.provider), ('consumer', a.consumer)`
