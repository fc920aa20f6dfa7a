import { keepVault } from '../backup/vault.ts'
import type { SettlementContext } from '../context.ts'

export interface Sealing {
  /** Documents that this run sealed. */
  readonly sealed: number
  /** Whether older releases may still run, for which documents stay in the clear. */
  readonly waits: boolean
  /** Whether the files were written anew. */
  readonly swept: boolean
}

/** Some hundred kilobytes of a transaction. */
const BATCH = 200

/**
 * Seals what an older release wrote in the clear, in batches of their own transactions, then writes the files anew, so that
 * nothing of it is left in them. Cut off anywhere, the next run goes on.
 */
export async function sealDocuments(
  { store, vault, now }: Pick<SettlementContext, 'store' | 'vault' | 'now'>,
  signal: AbortSignal,
): Promise<Sealing> {
  if (!(await store.sealsDocuments())) return { sealed: 0, waits: true, swept: false }
  const sealed = await sealAll(store, now(), signal)
  if (signal.aborted) return { sealed, waits: false, swept: false }
  // What was sealed of who was erased in the meantime goes into boxes before the files are written anew.
  if (sealed > 0 && vault !== undefined) await keepVault(store, vault)
  const swept = (await store.sweepDocuments()) !== undefined
  return { sealed, waits: false, swept }
}

/** @returns how many were sealed */
export async function sealAll(
  store: SettlementContext['store'],
  at: number,
  signal?: AbortSignal,
): Promise<number> {
  let sealed = 0
  while (signal?.aborted !== true) {
    const batch = await store.sealDocuments(BATCH, at)
    sealed += batch
    if (batch === 0) break
  }
  return sealed
}
