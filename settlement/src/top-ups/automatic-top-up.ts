import { randomUUID } from 'node:crypto'
import { allPages, oneByOne } from '../billing/one-by-one.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { AutomaticDecision } from './decide-automatic.ts'
import { chargeTopUp, taxOf } from './top-up.ts'

export type AutomaticOutcome =
  | Exclude<AutomaticDecision, 'charge'>
  | 'charged'
  | 'declined'
  | 'open'

/**
 * Fills an organization's balance up when it has fallen below its threshold. A shortage is charged for once: a charge
 * whose outcome is open counts as money on its way.
 */
export async function automaticTopUp(
  context: SettlementContext,
  organization: string,
): Promise<AutomaticOutcome> {
  const { store, now } = context
  const settings = await store.automaticTopUp(organization)
  if (settings?.enabled !== true) return 'off'
  const { cents } = settings
  const tax = await taxOf(context, organization, cents)
  const id = `tu-${randomUUID()}`
  const begun = await store.beginAutomaticTopUp({ id, organization, cents, ...tax, at: now() })
  if (begun.decision !== 'charge' || begun.topUp === undefined) {
    return begun.decision === 'charge' ? 'off' : begun.decision
  }
  try {
    const done = await chargeTopUp(context, begun.topUp)
    return done.state === 'succeeded' ? 'charged' : 'open'
  } catch (error) {
    if (!(error instanceof SettlementError)) throw error
    // No answer is not a no: the next look at open top-ups asks again, and until then it counts as on its way.
    return error.code === 'HANSE_PAYMENT_FAILED' ? 'declined' : 'open'
  }
}

/** Looks at every organization that wants it. @returns how many were charged */
export async function automaticTopUps(
  context: SettlementContext,
  signal?: AbortSignal,
): Promise<number> {
  let charged = 0
  const wanting = allPages(context.store.automaticOrganizations, (organization) => organization)
  await oneByOne(wanting, async (organization) => {
    if (signal?.aborted === true) return
    if ((await automaticTopUp(context, organization)) === 'charged') charged++
  })
  return charged
}
