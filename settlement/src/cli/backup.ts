import { cp, mkdir, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { findBackup } from '../backup/manifest.ts'
import { backupsFolder, type NewBackup, newBackup } from '../backup/new-backup.ts'
import { restore, verifyBackup } from '../backup/restore.ts'
import { vaultFolder } from '../backup/vault.ts'
import type { Config, Secrets } from '../config/config.ts'
import { openStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { askService } from './ask-service.ts'
import { print } from './operator-call.ts'

/**
 * Writes a backup and prints where. A PostgreSQL server is read beside the services that use it; of the embedded database
 * the service that runs has the only way in, so it is asked.
 */
export async function backup(config: Config, secrets: Secrets, to?: string): Promise<void> {
  const inside = resolve(to ?? backupsFolder(config.dataDir))
  const { databaseUrl } = secrets
  if (databaseUrl === undefined) {
    const made = (await askService(config, secrets, {
      method: 'POST',
      path: '/v1/admin/backups',
    })) as NewBackup | undefined
    if (made !== undefined) return print(await moved(made, inside))
  }
  const options = databaseUrl === undefined ? { dataDir: config.dataDir } : { databaseUrl }
  await using store = await openStore(options)
  print(await newBackup(store, inside, vaultFolder(config.dataDir), Date.now()))
}

/** Restores, or only tries it, and prints what came of it; exit code 1 when anything is not as it was. */
export async function restoreBackup(
  config: Config,
  secrets: Secrets,
  flags: {
    readonly from?: string
    readonly toTime?: string
    readonly verify?: boolean
    readonly vault?: string
  },
): Promise<void> {
  if (flags.from === undefined) throw wrong('from: name the folder of the backup')
  const toTime = flags.toTime === undefined ? undefined : Date.parse(flags.toTime)
  if (Number.isNaN(toTime)) throw wrong('to-time: not a time such as 2026-11-21T08:00:00Z')
  const from = await findBackup(resolve(flags.from), toTime)
  const { databaseUrl } = secrets
  const target = databaseUrl === undefined ? { dataDir: config.dataDir } : { databaseUrl }
  const vault = resolve(flags.vault ?? vaultFolder(config.dataDir))
  const report =
    flags.verify === true ? await verifyBackup(from, vault) : await restore(from, vault, target)
  print(report)
  if (!report.sound) process.exitCode = 1
}

async function moved(made: NewBackup, inside: string): Promise<NewBackup> {
  const folder = join(inside, basename(made.folder))
  if (folder === made.folder) return made
  await mkdir(inside, { recursive: true, mode: 0o700 })
  // It may be another disk.
  await cp(made.folder, folder, { recursive: true, errorOnExist: true, force: false })
  await rm(made.folder, { recursive: true })
  return { ...made, folder }
}

const wrong = (message: string) => new SettlementError('HANSE_CONFIG_INVALID', message)
