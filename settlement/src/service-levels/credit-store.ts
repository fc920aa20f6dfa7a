import { picoEuro } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { postCredits } from '../billing/post-credits.ts'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import type { Month } from '../documents/month.ts'
import { SettlementError } from '../errors.ts'
import { accountId, PROMOTIONS } from '../ledger/accounts.ts'
import { emitEvents } from '../notifications/emit.ts'
import type { NewEvent } from '../notifications/event.ts'

export const CREDIT_STATES = ['proposed', 'posted', 'waived'] as const
export type CreditState = (typeof CREDIT_STATES)[number]

/** What an organization gets back for a month with a provider that fell short. */
export interface ServiceCredit {
  readonly id: string
  readonly organization: string
  readonly provider: string
  readonly month: Month
  readonly good: bigint
  readonly failed: bigint
  readonly slow: bigint
  readonly creditBps: number
  /** Pico-euro: what the organization paid for the month's sessions with the provider, and the platform's part of it. */
  readonly spend: bigint
  readonly fee: bigint
  readonly amount: bigint
  /** Whether other organizations saw it too. */
  readonly corroborated: boolean
  readonly state: CreditState
  readonly createdAt: number
  /** Id of the operator; `service` where nobody had to be asked. */
  readonly decidedBy: string | null
  readonly decidedAt: number | null
  readonly note: string | null
}

export type NewCredit = Pick<
  ServiceCredit,
  | 'id'
  | 'provider'
  | 'good'
  | 'failed'
  | 'slow'
  | 'creditBps'
  | 'spend'
  | 'fee'
  | 'amount'
  | 'corroborated'
> & {
  /** Posted at once, with nobody asked. */
  readonly posted: boolean
}

/** What a month of an organization came to. */
export interface Judgement {
  readonly organization: string
  readonly month: Month
  /** Id of the level that it was judged by. */
  readonly level: bigint
  readonly credits: readonly NewCredit[]
  /** Told with it. */
  readonly events: readonly NewEvent[]
}

export interface CreditDecision {
  readonly id: string
  /** Id of the operator. */
  readonly by: string
  readonly note: string | null
  readonly at: number
}

/** Who is written down for what the service decides. */
const SERVICE = 'service'

export function creditStore(db: Database) {
  return {
    isJudged: async (organization: string, month: Month): Promise<boolean> => {
      const found = await rows(
        db,
        sql`select from service_judgement where organization = ${organization} and month = ${day(month)}::date`,
      )
      return found.length > 0
    },

    /**
     * Writes down a judgement with all that comes of it, once for an organization and a month, however many processes judge.
     *
     * @returns whether it was this one
     */
    judge: (judgement: Judgement, at: number): Promise<boolean> =>
      transact(db, (tx) => judge(tx, judgement, at)),

    /** @throws {SettlementError} HANSE_NOT_FOUND, HANSE_SERVICE_CREDIT_STATE */
    approveServiceCredit: (decision: CreditDecision): Promise<ServiceCredit> =>
      transact(db, async (tx) => {
        const credit = await decide(tx, decision, 'posted')
        await post(tx, credit, decision.at)
        return credit
      }),

    /** @throws {SettlementError} HANSE_NOT_FOUND, HANSE_SERVICE_CREDIT_STATE */
    waiveServiceCredit: (decision: CreditDecision): Promise<ServiceCredit> =>
      transact(db, (tx) => decide(tx, decision, 'waived')),

    /** In the order of their ids. */
    serviceCredits: async (query: {
      readonly organization?: string
      readonly state?: CreditState
      readonly after: string
      readonly limit: number
    }): Promise<ServiceCredit[]> => {
      const wanted = [
        sql`id > ${query.after}`,
        ...(query.organization === undefined ? [] : [sql`organization = ${query.organization}`]),
        ...(query.state === undefined ? [] : [sql`state = ${query.state}`]),
      ]
      const found = await rows<StoredCredit>(
        db,
        sql`select ${COLUMNS} from service_credit where ${sql.join(wanted, sql` and `)}
          order by id limit ${query.limit}`,
      )
      return found.map(toCredit)
    },
  }
}

async function judge(tx: Database, judgement: Judgement, at: number): Promise<boolean> {
  const { organization, month, level, credits, events } = judgement
  const first = await rows(
    tx,
    sql`insert into service_judgement (organization, month, level, at)
      values (${organization}, ${day(month)}::date, ${level.toString()}::int8, ${iso(at)}::timestamptz)
      on conflict do nothing returning 1 as one`,
  )
  if (first.length === 0) return false
  const written = await insert(tx, judgement, at)
  await emitEvents(tx, events, at)
  for (const credit of written) {
    if (credits.some(({ id, posted }) => posted && id === credit.id)) await post(tx, credit, at)
  }
  return true
}

async function insert(
  tx: Database,
  { organization, month, credits }: Judgement,
  at: number,
): Promise<ServiceCredit[]> {
  if (credits.length === 0) return []
  const list = credits.map((credit) => ({
    ...credit,
    state: credit.posted ? 'posted' : 'proposed',
    by: credit.posted ? SERVICE : null,
  }))
  const written = await rows<StoredCredit>(
    tx,
    sql`insert into service_credit (id, organization, provider, month, good, failed, slow, credit_bps, spend, fee,
        amount, corroborated, state, created_at, decided_by, decided_at)
      select id, ${organization}, provider, ${day(month)}::date, good, failed, slow, "creditBps", spend, fee, amount,
        corroborated, state, ${iso(at)}::timestamptz, by,
        case when by is null then null else ${iso(at)}::timestamptz end
      from ${recordset(list, AS)} order by id returning ${COLUMNS}`,
  )
  return written.map(toCredit)
}

const AS =
  'x(id text, provider text, good int8, failed int8, slow int8, "creditBps" int4, spend numeric, fee numeric, amount numeric, corroborated bool, state text, by text)'

/** Compare and swap: of any number of decisions one is taken. */
async function decide(
  tx: Database,
  { id, by, note, at }: CreditDecision,
  state: 'posted' | 'waived',
): Promise<ServiceCredit> {
  const [row] = await rows<StoredCredit>(
    tx,
    sql`update service_credit set state = ${state}, decided_by = ${by}, decided_at = ${iso(at)}::timestamptz,
        note = ${note}
      where id = ${id} and state = 'proposed' returning ${COLUMNS}`,
  )
  if (row !== undefined) return toCredit(row)
  const [known] = await rows<{ state: string }>(
    tx,
    sql`select state from service_credit where id = ${id}`,
  )
  if (known === undefined) throw new SettlementError('HANSE_NOT_FOUND', `no credit ${id}`)
  throw new SettlementError('HANSE_SERVICE_CREDIT_STATE', `${id} is ${known.state}`)
}

/** The platform gives it, of what it spends to win customers; a debt is paid with it first. */
async function post(tx: Database, credit: ServiceCredit, at: number): Promise<void> {
  const { id, organization, provider, month, amount } = credit
  const transfer = {
    debit: PROMOTIONS,
    credit: accountId('available', organization),
    amount: picoEuro(amount),
    kind: 'service_credit' as const,
    reference: id,
  }
  await postCredits(tx, [transfer], at)
  const facts = { month, provider, amount: `${amount}` }
  const event = { organization, kind: 'sla.credited' as const, subject: provider, cause: id, facts }
  await emitEvents(tx, [event], at)
}

interface StoredCredit {
  readonly id: string
  readonly organization: string
  readonly provider: string
  readonly month: Month
  readonly good: string
  readonly failed: string
  readonly slow: string
  readonly credit_bps: number
  readonly spend: string
  readonly fee: string
  readonly amount: string
  readonly corroborated: boolean
  readonly state: CreditState
  readonly created_at: number
  readonly decided_by: string | null
  readonly decided_at: number | null
  readonly note: string | null
}

const COLUMNS =
  sql.raw(`id, organization, provider, to_char(month, 'YYYY-MM') as month, good::text as good,
  failed::text as failed, slow::text as slow, credit_bps, spend::text as spend, fee::text as fee,
  amount::text as amount, corroborated, state, decided_by, note,
  (extract(epoch from created_at) * 1000)::float8 as created_at,
  (extract(epoch from decided_at) * 1000)::float8 as decided_at`)

const toCredit = (row: StoredCredit): ServiceCredit => ({
  id: row.id,
  organization: row.organization,
  provider: row.provider,
  month: row.month,
  good: BigInt(row.good),
  failed: BigInt(row.failed),
  slow: BigInt(row.slow),
  creditBps: row.credit_bps,
  spend: BigInt(row.spend),
  fee: BigInt(row.fee),
  amount: BigInt(row.amount),
  corroborated: row.corroborated,
  state: row.state,
  createdAt: row.created_at,
  decidedBy: row.decided_by,
  decidedAt: row.decided_at,
  note: row.note,
})

const day = (month: Month): string => `${month}-01`
const iso = (at: number): string => new Date(at).toISOString()
