import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isPeerId, openCheckpoint } from '@hanse/protocol'
import type { Command } from 'commander'
import { logOwnSettings } from '../../config/schemas.ts'
import { clock, random } from '../../daemon/running.ts'
import { AuditEvents } from '../../log/audit-events.ts'
import { exportLog } from '../../log/export-log.ts'
import type { LogSource } from '../../log/source.ts'
import { openLogDatabase, SqliteLogStore, storeSource, vkeyOf } from '../../log/sqlite-log-store.ts'
import type { Database } from '../../store/database.ts'
import { noLogIn, usage } from '../log-options.ts'
import { settingsCommand } from '../settings-command.ts'

export function logShowCommand(): Command {
  return settingsCommand(
    'show',
    'Show this node’s own log: its origin, verifier key, size and root.',
    logOwnSettings,
    async ({ dataDir }, _args, flags) =>
      await withOwnLog(dataDir, async (source, vkey) => {
        const { origin, size, root } = openCheckpoint(await source.checkpoint(), vkey)
        const facts = { origin, vkey, size: `${size}`, root: Buffer.from(root).toString('base64') }
        if (flags.json === true) console.log(JSON.stringify(facts))
        else
          for (const [name, value] of Object.entries(facts))
            console.log(`${name.padEnd(7)} ${value}`)
      }),
  ).option('--json', 'print as JSON')
}

export function logExportCommand(): Command {
  return settingsCommand(
    'export',
    'Write this node’s own log to a folder, so that any web server can serve it.',
    logOwnSettings,
    async ({ dataDir }, _args, flags) =>
      await withOwnLog(dataDir, async (source, vkey) => {
        const folder = String(flags.dir)
        const { size, written } = await exportLog(source, vkey, folder)
        if (flags.json === true)
          console.log(JSON.stringify({ folder, vkey, size: `${size}`, written }))
        else console.log(`${size} entries in ${folder}: ${written} files written\nvkey ${vkey}`)
      }),
  )
    .requiredOption('--dir <folder>', 'where to; going on later writes what is new')
    .option('--json', 'print as JSON')
}

export function logEraseCommand(): Command {
  return settingsCommand(
    'erase',
    'Destroy the key that a peer’s id is sealed with in this node’s own log; every proof stays valid.',
    logOwnSettings,
    async ({ dataDir }, args, flags) =>
      await withOwnLog(dataDir, async (_source, _vkey, db) => {
        const peer = args[0] ?? ''
        if (!isPeerId(peer)) throw usage(`${peer} is not a peer id (12D3Koo…)`)
        const erased = new AuditEvents(db, random).eraseSubject(peer, clock())
        if (flags.json === true) console.log(JSON.stringify({ peer, erased }))
        else console.log(erased ? `erased: ${peer}` : `this log has nothing of ${peer}`)
      }),
  )
    .argument('<peer>', 'peer id of the subject')
    .option('--json', 'print as JSON')
}

async function withOwnLog(
  dataDir: string,
  use: (source: LogSource, vkey: string, db: Database) => Promise<void>,
): Promise<void> {
  const path = join(dataDir, 'log.db')
  // Opening would make an empty one.
  if (!existsSync(path)) throw noLogIn(dataDir)
  using db = openLogDatabase(path)
  await use(storeSource(path, new SqliteLogStore(db)), vkeyOf(db, path), db)
}
