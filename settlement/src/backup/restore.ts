import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type SettlementStore, type StoreOptions } from '../db/store.ts'
import { sealAll } from '../documents/seal-documents.ts'
import type { LedgerReport } from '../ledger/ledger-check.ts'
import { checkLog, type LogReport } from '../log/check-log.ts'
import { replayErasures } from '../rights/replay-erasures.ts'
import { checkBackup } from './load-backup.ts'
import { readVault, type Vault } from './vault.ts'

export interface RestoreReport {
  /** The backup that was taken. */
  readonly from: string
  /** When it was made, ISO 8601. */
  readonly at: string
  readonly rows: number
  /** Ledger and log are sound, and every table has the rows that were written. */
  readonly sound: boolean
  readonly ledger: LedgerReport
  readonly log: LogReport
  /** Tables with another number of rows. */
  readonly differing: readonly string[]
  /** Rows that were left out, by table, since those whom they are about were erased. */
  readonly leftOut: Readonly<Record<string, number>>
  /** Subjects of whom the backup still knew, and who are erased again. */
  readonly erasedAgain: number
}

/**
 * Restores a backup into a database that nobody has used, brings it up to this release, erases again who was erased since,
 * and checks everything.
 *
 * @param vault folder of the keys that are left, and of who was erased
 * @throws {SettlementError} HANSE_BACKUP_INVALID, HANSE_BACKUP_VAULT, HANSE_RESTORE_TARGET, HANSE_STORE_OWNED, HANSE_STORE_MIGRATION
 */
export async function restore(
  from: string,
  vault: string,
  target: StoreOptions,
): Promise<RestoreReport> {
  const { migrations } = await checkBackup(from)
  await using store = await openStore({ ...target, migrations })
  return await load(store, from, await readVault(vault))
}

/** Restores into an embedded database in the system's temporary folder, checks it, and throws it away. */
export async function verifyBackup(from: string, vault: string): Promise<RestoreReport> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-verify-'))
  try {
    return await restore(from, vault, { dataDir })
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** A backup of a release that kept documents in the clear: nothing of them is left so in the files. */
async function sealRestored(store: SettlementStore, at: number): Promise<void> {
  await store.sealFromNow()
  await sealAll(store, at)
  await store.sweepDocuments()
}

async function load(store: SettlementStore, from: string, vault: Vault): Promise<RestoreReport> {
  const { manifest, leftOut } = await store.loadBackup(from, vault)
  const { at, tables } = manifest
  // Compared before anything else is written.
  const differing = await store.compareCounts(from, leftOut)
  const erasedAgain = await replayErasures(store, vault.tombstones, true)
  await sealRestored(store, Date.parse(at))
  const [ledger, log] = [await store.ledgerCheck(), await checkLog(store)]
  return {
    from,
    at,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    sound: ledger.balanced && log.sound && differing.length === 0,
    ledger,
    log,
    differing,
    leftOut,
    erasedAgain,
  }
}
