import { keepVault } from '../backup/vault.ts'
import type { SettlementContext } from '../context.ts'
import { signDeletions } from '../deletion/ask-nodes.ts'
import { SettlementError } from '../errors.ts'
import { PaymentsError } from '../stripe/index.ts'
import type { ErasureOrder, ErasureReport } from './erasure-store.ts'

type Context = Pick<
  SettlementContext,
  'store' | 'payments' | 'vault' | 'signer' | 'network' | 'now' | 'euAudit'
>

/**
 * Erases everything about a subject, here, at the payment service and in the backups that were made (see `eraseData`), and in
 * EU mode asks the nodes that know it to do the same. A crash in between loses nothing: asked again it goes on, and the vault
 * is brought up at the next start.
 *
 * @throws {SettlementError} HANSE_LAST_OWNER, HANSE_ERASURE_BLOCKED, HANSE_NOT_FOUND
 */
export async function eraseSubject(
  context: Context,
  order: Omit<ErasureOrder, 'tellsNodes'>,
): Promise<{ report: ErasureReport; isNew: boolean; email?: string }> {
  const { store, vault } = context
  const { subject } = order
  const earlier = await store.erasureOf(subject)
  if (earlier === undefined) await readyPayments(context, order)
  const tellsNodes = context.euAudit
  const erased = await store.eraseData({ ...order, tellsNodes })
  if (vault !== undefined) await keepVault(store, vault)
  if (tellsNodes && erased.isNew) await signDeletions(context)
  return erased
}

/** Before our row of it goes, for then nobody would know what to delete. */
async function readyPayments({ store, payments }: Context, order: ErasureOrder): Promise<void> {
  const { kind, id } = order.subject
  const blockers = await store.erasureBlockers(order)
  if (blockers.length > 0) throw new SettlementError('HANSE_ERASURE_BLOCKED', blockers.join('; '))
  if (kind !== 'organization') return
  const held = await store.billingCustomer(id)
  if (typeof held?.customer !== 'string') return
  try {
    await payments.deleteCustomer(held.customer)
  } catch (error) {
    // It was deleted before, by a try that ended here.
    if (!(error instanceof PaymentsError) || error.stripeCode !== 'resource_missing') throw error
  }
}
