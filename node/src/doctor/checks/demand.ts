import { adviceFor } from '../code-advice.ts'
import { type Finding, fail, ok, unknown, warn } from '../finding.ts'
import type { ProviderFacts } from '../provider-facts.ts'

/** A few refusals are everyday life; from here on a share says something. */
const REJECTED_MIN = 5
/** Sooner it is no wonder that nobody came. */
const PATIENCE_MS = 60 * 60_000

type Counts = Readonly<Record<string, number>>

const sum = (counts: Counts): number => Object.values(counts).reduce((a, b) => a + b, 0)
const most = (counts: Counts): readonly (readonly [string, number])[] =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)

export function ordersCome({ status, now }: ProviderFacts): Finding | undefined {
  const id = 'demand.orders'
  if (status === undefined) return undefined
  const { sessions, completed, rejected } = status.totals
  const orders = sessions + sum(rejected)
  const upMs = now - status.startedAt
  const hours = upMs / 3_600_000
  const facts = { orders, completed, hours: Math.round(hours * 10) / 10 }
  if (orders > 0)
    return ok(id, `${orders} orders came in ${facts.hours} h, ${completed} answered`, facts)
  return upMs < PATIENCE_MS
    ? unknown(
        id,
        'no order yet, and it has run for less than an hour',
        'Try it yourself: hanse gateway and hanse chat, with this provider’s network.',
        facts,
      )
    : warn(
        id,
        `no order has ever come, in ${facts.hours} h`,
        'When nothing else is found here, demand is missing: offer a model that others sell (hanse price advise), or ask less.',
        facts,
      )
}

export function ordersTaken({ status }: ProviderFacts): Finding | undefined {
  const id = 'demand.rejected'
  if (status === undefined) return undefined
  const { sessions, rejected } = status.totals
  const count = sum(rejected)
  const [first] = most(rejected)
  if (first === undefined) return ok(id, 'no order was turned away', { rejected: 0 })
  const share = count / (count + sessions)
  const facts = {
    rejected: count,
    sharePercent: Math.round(share * 100),
    codes: most(rejected).map(([code, n]) => `${code}: ${n}`),
  }
  const judge = share > 0.5 && count >= REJECTED_MIN ? fail : warn
  return judge(
    id,
    `${count} orders were turned away (${facts.sharePercent} %), most for ${first[0]}`,
    adviceFor(first[0]),
    facts,
  )
}

export function sessionsEndWell({ status }: ProviderFacts): Finding | undefined {
  const id = 'demand.failed'
  if (status === undefined) return undefined
  const { sessions, failed } = status.totals
  const count = sum(failed)
  const [first] = most(failed)
  if (first === undefined) return ok(id, 'no session broke', { failed: 0 })
  const facts = { failed: count, codes: most(failed).map(([code, n]) => `${code}: ${n}`) }
  const judge = count >= REJECTED_MIN && count * 2 > sessions ? fail : warn
  return judge(
    id,
    `${count} of ${sessions} sessions broke, most for ${first[0]}`,
    adviceFor(first[0]),
    facts,
  )
}

/** Everything busy is what an owner wants; it also says why more does not come. */
export function slotsFree({ status }: ProviderFacts): Finding | undefined {
  const id = 'demand.slots'
  if (status === undefined || status.models.length === 0) return undefined
  const slots = status.models.reduce((all, model) => all + model.slots, 0)
  const busy = status.models.reduce((all, model) => all + model.busy, 0)
  const queued = status.models.reduce((all, model) => all + model.queued, 0)
  const facts = { slots, busy, queued }
  if (slots === 0) {
    return fail(id, 'no model has a slot', 'Set --slots to at least 1.', facts)
  }
  return busy >= slots
    ? warn(
        id,
        `all ${slots} slots are busy, ${queued} orders wait`,
        'You have work: for more, raise --slots if the GPU has room, or ask a higher price.',
        facts,
      )
    : ok(id, `${slots - busy} of ${slots} slots are free`, facts)
}
