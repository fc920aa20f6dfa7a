import { type SQL, sql } from 'drizzle-orm'
import type { AgeRule } from './rule.ts'

export const HOLD_SCOPES = ['everything', 'class', 'organization', 'person', 'provider'] as const
export type HoldScope = (typeof HOLD_SCOPES)[number]

/** Nothing that it names is removed by age while it stands. */
export interface LegalHold {
  readonly id: string
  readonly scope: HoldScope
  /** A class of data, or an id; empty of everything. */
  readonly subject: string
  readonly reason: string
  readonly placedBy: string
  /** Milliseconds since 1970. */
  readonly placedAt: number
  readonly releasedBy: string | null
  readonly releasedAt: number | null
}

/** Of these classes nothing goes while a breach is open: they say who did what, when, and from where. */
export const BREACH_EVIDENCE: ReadonlySet<string> = new Set([
  'access-log',
  'sign-ins',
  'deliveries',
  'events',
  'location-evidence',
  'payment-events',
  'compliance',
])

/**
 * Whether a row `t` must stay: somebody holds it, its owner's payment is disputed, its subject asked for it or had it
 * restricted (Art. 15 and 18 GDPR), or it may explain an open breach.
 */
export function isHeld(className: string, rule: AgeRule): SQL {
  const { organization, person, provider } = rule
  const named = [
    sql`h.scope = 'everything'`,
    sql`(h.scope = 'class' and h.subject = ${className})`,
    ...whose('organization', organization),
    ...whose('person', person),
    ...whose('provider', provider),
  ]
  const conditions = [
    sql`exists (select from legal_hold h where h.released_at is null and (${sql.join(named, sql` or `)}))`,
    ...(organization === undefined ? [] : [disputed(organization)]),
    ...asked('organization', organization),
    ...asked('person', person),
    ...asked('provider', provider),
    ...(BREACH_EVIDENCE.has(className) ? [OPEN_BREACH] : []),
  ]
  return sql`(${sql.join(conditions, sql` or `)})`
}

const whose = (scope: HoldScope, column: string | undefined): SQL[] =>
  column === undefined ? [] : [sql`(h.scope = ${scope} and h.subject = ${sql.raw(column)})`]

/** What was asked for and is not answered, or is only to be stored. Who asks for erasure asks for no delay. */
const asked = (kind: 'organization' | 'person' | 'provider', column: string | undefined): SQL[] =>
  column === undefined
    ? []
    : [
        sql`exists (select from rights_request q where q.subject_kind = ${kind} and q.subject = ${sql.raw(column)}
          and ((q.ended_at is null and q.kind <> 'erasure')
            or (q.kind = 'restriction' and q.state = 'done' and q.lifted_at is null)))`,
      ]

const disputed = (organization: string): SQL =>
  sql`exists (select from dispute d where d.organization = ${sql.raw(organization)}
    and d.status in ('inquiry', 'needs-response', 'under-review'))`

/** One whose last step, notes aside, did not close it. */
export const OPEN_BREACH: SQL = sql`exists (select from breach_step b
  where b.step ->> 'kind' not in ('closed', 'noted') and not exists (select from breach_step n
    where n.breach = b.breach and n.number > b.number and n.step ->> 'kind' <> 'noted'))`
