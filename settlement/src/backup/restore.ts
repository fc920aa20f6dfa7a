import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type SettlementStore, type StoreOptions } from '../db/store.ts'
import type { LedgerReport } from '../ledger/ledger-check.ts'
import { checkLog, type LogReport } from '../log/check-log.ts'
import { checkBackup } from './load-backup.ts'

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
}

/**
 * Restores a backup into a database that nobody has used, brings it up to this release, and checks everything.
 *
 * @throws {SettlementError} HANSE_BACKUP_INVALID, HANSE_RESTORE_TARGET, HANSE_STORE_OWNED, HANSE_STORE_MIGRATION
 */
export async function restore(from: string, target: StoreOptions): Promise<RestoreReport> {
  const { migrations } = await checkBackup(from)
  await using store = await openStore({ ...target, migrations })
  return await load(store, from)
}

/** Restores into an embedded database in the system's temporary folder, checks it, and throws it away. */
export async function verifyBackup(from: string): Promise<RestoreReport> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-verify-'))
  try {
    return await restore(from, { dataDir })
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function load(store: SettlementStore, from: string): Promise<RestoreReport> {
  const { at, tables } = await store.loadBackup(from)
  const [ledger, log, differing] = [
    await store.ledgerCheck(),
    await checkLog(store),
    await store.compareCounts(from),
  ]
  return {
    from,
    at,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    sound: ledger.balanced && log.sound && differing.length === 0,
    ledger,
    log,
    differing,
  }
}
