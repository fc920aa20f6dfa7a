import { resourceMissing } from './fault.ts'
import type { Context } from './operation.ts'
import type { AccountRecord, CapabilityStatus, RequirementRecord } from './state.ts'

const statusCodes: Readonly<Record<CapabilityStatus, string | undefined>> = {
  active: undefined,
  pending: 'requirements_pending_verification',
  rejected: 'rejected_other',
  restricted: 'requirements_past_due',
}

export function setTransfersCapability(
  context: Context,
  accountId: string,
  status: CapabilityStatus,
  code = statusCodes[status],
): void {
  const account = findAccount(context, accountId)
  if (code === undefined) delete account.statusCode
  else account.statusCode = code
  if (account.transfers === status) return
  account.transfers = status
  context.emitThin(
    'v2.core.account[configuration.recipient].capability_status_updated',
    account.id,
    { updated_capability: 'stripe_balance.stripe_transfers' },
  )
}

/** What Stripe still wants to know; with a deadline, transfers stop when it has passed. */
export function setRequirements(
  context: Context,
  accountId: string,
  requirements: readonly RequirementRecord[],
): void {
  const account = findAccount(context, accountId)
  account.requirements = requirements.map((requirement) => ({ ...requirement }))
  for (const { deadline } of requirements) {
    if (deadline !== undefined) {
      context.later('requirements-past-due', accountId, Date.parse(deadline))
    }
  }
  context.emitThin('v2.core.account[requirements].updated', accountId)
}

export function requirementsPastDue(context: Context, accountId: string): void {
  const account = context.state.accounts.get(accountId)
  const late = account?.requirements.filter(
    ({ due, deadline }) =>
      due !== 'past_due' && deadline !== undefined && Date.parse(deadline) <= context.nowMs,
  )
  if (account === undefined || late === undefined || late.length === 0 || account.closed) return
  for (const requirement of late) requirement.due = 'past_due'
  context.emitThin('v2.core.account[requirements].updated', accountId)
  setTransfersCapability(context, accountId, 'restricted', 'requirements_past_due')
}

/** Closed by the platform, by Stripe, or because the provider left. */
export function endAccount(context: Context, accountId: string): void {
  const account = findAccount(context, accountId)
  if (account.closed) return
  account.closed = true
  setTransfersCapability(context, accountId, 'restricted', 'restricted_other')
  context.emitThin('v2.core.account.closed', accountId)
}

/** The provider disconnects from the platform: what remains on the balance is the provider's. */
export function deauthorizeAccount(context: Context, accountId: string): void {
  const account = findAccount(context, accountId)
  endAccount(context, accountId)
  account.deauthorized = true
  const application = { id: 'ca_hanse', object: 'application', name: 'Hanse' }
  context.emit('account.application.deauthorized', application, accountId)
}

export function findAccount({ state }: Context, accountId: string): AccountRecord {
  const account = state.accounts.get(accountId)
  if (account === undefined || account.deauthorized) throw resourceMissing('account', accountId)
  return account
}
