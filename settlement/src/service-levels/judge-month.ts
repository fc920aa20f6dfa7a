import { randomUUID } from 'node:crypto'
import { allPages } from '../billing/one-by-one.ts'
import type { SettlementContext } from '../context.ts'
import { type Month, monthOf, type Period, periodOf } from '../documents/month.ts'
import type { NewCredit } from './credit-store.ts'
import { creditOf, type ServiceLevel, shareBps, type Verdict, verdictOf } from './level.ts'
import type { Measurement } from './measurement-store.ts'

const DAY_MS = 86_400_000
/** Receipts of its last hour are booked by then: an authorization lives an hour, and its hold a day longer. */
export const JUDGED_AFTER_MS = 3 * DAY_MS
/** A service that stood still for a quarter has other worries. */
const MONTHS_BACK = 3

export interface Judged {
  /** Organizations whose month was judged by this run. */
  readonly organizations: number
  readonly credits: number
}

/** Judges the last months that are over and settled; what is judged stays as it is. */
export async function judgeDueMonths(
  context: SettlementContext,
  signal?: AbortSignal,
): Promise<Judged> {
  const sum = { organizations: 0, credits: 0 }
  for (const month of dueMonths(context.now())) {
    const { organizations, credits } = await judgeMonth(context, month, signal)
    sum.organizations += organizations
    sum.credits += credits
  }
  return sum
}

/** The oldest first. */
export function dueMonths(now: number): Month[] {
  const months: Month[] = []
  for (let at = now - JUDGED_AFTER_MS; months.length < MONTHS_BACK; ) {
    const before = monthOf(periodOf(monthOf(at)).from - 1)
    months.unshift(before)
    at = periodOf(before).from
  }
  return months
}

async function judgeMonth(
  context: SettlementContext,
  month: Month,
  signal?: AbortSignal,
): Promise<Judged> {
  const { store } = context
  const period = periodOf(month)
  let [organizations, credits] = [0, 0]
  const all = allPages(
    (after, limit) => store.measuredOrganizations(period, after, limit),
    (organization) => organization,
  )
  for await (const organization of all) {
    if (signal?.aborted === true) break
    const given = await judgeOrganization(context, organization, month)
    if (given === undefined) continue
    organizations++
    credits += given
  }
  return { organizations, credits }
}

/** @returns how many credits; nothing where there is no promise, or the month is judged already */
async function judgeOrganization(
  context: SettlementContext,
  organization: string,
  month: Month,
): Promise<number | undefined> {
  const { store, now } = context
  if (await store.isJudged(organization, month)) return undefined
  const promised = await store.serviceLevelOf(organization, month, now())
  if (promised === undefined || promised.level === null) return undefined
  const { level } = promised
  const missed: (Verdict & { provider: string })[] = []
  for await (const measured of measurements(context, organization, periodOf(month))) {
    const verdict = verdictOf(level, measured)
    if (verdict.creditBps > 0) missed.push({ ...verdict, provider: measured.key })
  }
  const credits: NewCredit[] = []
  for (const miss of missed) {
    const credit = await creditFor(context, organization, periodOf(month), level, miss)
    if (credit.amount > 0n) credits.push(credit)
  }
  const events = missed.map((miss) => ({
    organization,
    kind: 'sla.missed' as const,
    subject: miss.provider,
    cause: `${month}/${miss.provider}`,
    facts: factsOf(month, miss),
  }))
  const judgement = { organization, month, level: promised.id, credits, events }
  return (await store.judge(judgement, now())) ? credits.length : undefined
}

const measurements = (
  { store }: SettlementContext,
  organization: string,
  period: Period,
): AsyncGenerator<Measurement, void> =>
  allPages(
    (after, limit) =>
      store.serviceMeasurements({ organization, ...period, group: 'provider', after, limit }),
    ({ key }) => key,
  )

async function creditFor(
  { store }: SettlementContext,
  organization: string,
  period: Period,
  level: ServiceLevel,
  { provider, missed, creditBps, good, failed, slow }: Verdict & { provider: string },
): Promise<NewCredit> {
  const { spend, fee } = await store.spentWith(organization, provider, period)
  const others = await store.othersWho({
    organization,
    provider,
    period,
    slowerThan: level.pace?.msPerToken ?? null,
  })
  const corroborated = missed.every((what) => others[WITNESSED[what]] > 0)
  return {
    id: `sc_${randomUUID()}`,
    provider,
    good,
    failed,
    slow,
    creditBps,
    spend,
    fee,
    amount: creditOf(spend, fee, creditBps),
    corroborated,
    // One organization and one provider can sign anything between them: then somebody looks first.
    posted: level.posting === 'automatic' && corroborated,
  }
}

const WITNESSED = { availability: 'failed', pace: 'slow' } as const

const factsOf = (month: Month, { missed, good, failed, slow }: Verdict) => ({
  month,
  missed: missed.join(', '),
  availability_bps: shareBps(good, good + failed) ?? 0,
  in_time_bps: shareBps(good - slow, good) ?? 0,
})
