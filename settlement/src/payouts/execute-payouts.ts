import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { refreshProvider } from '../providers/provider-account.ts'
import { PaymentsError } from '../stripe/index.ts'
import { lookUp } from './look-up.ts'
import type { Pacer } from './pacer.ts'
import type { PayoutRow } from './payout-store.ts'

/** Read from the database at once. */
const PAGE = 500
/** Transfers under way at once: at 20 a second this is enough for answers that take 400 ms. */
const PARALLEL = 8
/** Longer than Stripe's client tries: three times 30 s. A process that died holds its payouts no longer than this. */
const LEASE_MS = 120_000

/**
 * Takes every open payout of an approved run to Stripe, paced and a few at once. A fault of one stops no other: the first is
 * thrown when all were tried.
 *
 * @returns them as they are now
 */
export async function executePayouts(
  context: SettlementContext,
  pacer: Pacer,
  signal?: AbortSignal,
): Promise<PayoutRow[]> {
  // Once Stripe says that the balance is too small, asking for the rest would only spoil their keys.
  const drained = new AbortController()
  const stop = AbortSignal.any([drained.signal, ...(signal === undefined ? [] : [signal])])
  const done: PayoutRow[] = []
  const faults: unknown[] = []
  const queue = openPayouts(context)
  const work = async (): Promise<void> => {
    for await (const row of queue) {
      if (stop.aborted) return
      try {
        const moved = await advance(context, row, pacer, stop)
        done.push(moved)
        if (moved.failure === 'HANSE_STRIPE_BALANCE_INSUFFICIENT') drained.abort()
      } catch (error) {
        faults.push(error)
      }
    }
  }
  // Each ends its payout before a page that cannot be read ends the run.
  const ended = await Promise.allSettled(Array.from({ length: PARALLEL }, work))
  for (const end of ended) if (end.status === 'rejected') throw end.reason
  if (faults.length > 0) throw faults[0]
  return done
}

/** Each once, however many ask: a generator hands out one at a time. */
async function* openPayouts({ store }: SettlementContext): AsyncGenerator<PayoutRow> {
  for (let after = ''; ; ) {
    const page = await store.openPayouts(PAGE, after)
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    after = last.id
  }
}

async function advance(
  context: SettlementContext,
  row: PayoutRow,
  pacer: Pacer,
  signal: AbortSignal,
): Promise<PayoutRow> {
  const { store, now } = context
  try {
    await pacer.turn(signal)
  } catch (error) {
    if (signal.aborted) return row
    throw error
  }
  const lease = await store.leasePayout(row, now() + LEASE_MS, now())
  if (lease === 'none') return row
  try {
    const transfer = await transferOnce(context, row, lease === 'taken', pacer)
    if (transfer === undefined) await store.returnPayout(row.id)
    else await complete(context, row.id, transfer)
  } catch (error) {
    await settleFault(context, row, error)
  }
  return (await store.payout(row.id)) ?? row
}

/** @throws {SettlementError} HANSE_INTERNAL when money left for a payout that had gone another way */
async function complete(
  { store, now }: SettlementContext,
  id: string,
  transfer: string,
): Promise<void> {
  if (await store.completePayout(id, transfer, now())) return
  const row = await store.payout(id)
  // The webhook was first.
  if (row?.state === 'paid' && row.transfer === transfer) return
  // Nothing is booked for it: the reconciliation finds the transfer, and two operators decide.
  throw new SettlementError('HANSE_INTERNAL', `${transfer} was made for ${id}, ${row?.state}`)
}

async function settleFault(
  context: SettlementContext,
  row: PayoutRow,
  error: unknown,
): Promise<void> {
  const { store, now } = context
  if (error instanceof PaymentsError && !error.retryable) {
    const failure = await failureOf(context, row, error)
    await store.failPayout(row.id, failure, now())
    return
  }
  // No answer is not a no: the money may have moved. The next run asks again under the same id.
  await store.returnPayout(row.id)
  if (!(error instanceof PaymentsError)) throw error
}

/** A refusal is a reason to ask how the account is: one that was closed is not asked for again. */
async function failureOf(
  context: SettlementContext,
  { provider }: PayoutRow,
  error: PaymentsError,
): Promise<string> {
  if (error.code === 'HANSE_STRIPE_BALANCE_INSUFFICIENT') return error.code
  try {
    const { payableSince } = await refreshProvider(context, provider)
    return payableSince === null ? 'HANSE_PROVIDER_NOT_PAYABLE' : error.code
  } catch (fault) {
    if (fault instanceof PaymentsError) return error.code
    throw fault
  }
}

/** @param ask whether Stripe may be asked for it, and not only about it */
async function transferOnce(
  { payments }: SettlementContext,
  row: PayoutRow,
  ask: boolean,
  pacer: Pacer,
): Promise<string | undefined> {
  const request = { operation: row.id, transferGroup: row.id }
  // Stripe forgets idempotency keys after a day: what was asked before is looked up first.
  const before =
    row.state === 'submitted' ? await lookUp(() => payments.findTransfer(request)) : undefined
  if (before !== undefined || !ask) return before?.transfer
  if (row.state === 'submitted') await pacer.turn()
  const { account, cents } = row
  const { transfer } = await payments.transfer({ ...request, account, cents })
  return transfer
}
