import { existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { signerOf } from '@hanse/protocol'
import type { Command } from 'commander'
import { logSearchSettings } from '../../config/schemas.ts'
import { clock, random } from '../../daemon/running.ts'
import { AuditEvents } from '../../log/audit-events.ts'
import { openLogDatabase, SqliteLogStore, storeSource, vkeyOf } from '../../log/sqlite-log-store.ts'
import { makeNodePackage, type NodePackage } from '../../log/trail/node-package.ts'
import { searchNodeTrail } from '../../log/trail/node-trail.ts'
import { loadOrCreateIdentity, seedOf } from '../../network/identity-file.ts'
import { NodeStore } from '../../store/node-store.ts'
import { collect, noLogIn, usage } from '../log-options.ts'
import { settingsCommand } from '../settings-command.ts'
import { whenOf } from './log-search.ts'

const DAY_MS = 86_400_000
interface Wanted {
  readonly from: number
  readonly to: number
  readonly sessions: readonly string[]
}

export function logPackageCommand(): Command {
  return settingsCommand(
    'package',
    'Pack evidence from this node’s own log into one signed archive, which anybody checks offline with `hanse verify`.',
    logSearchSettings,
    async ({ dataDir, network }, _args, flags) => {
      const wanted = wantedOf(flags)
      const out = String(flags.out)
      if (!existsSync(join(dataDir, 'log.db'))) throw noLogIn(dataDir)
      const made = await pack(dataDir, network, wanted)
      await writeWhole(out, made.bytes)
      const { events, sessions } = made
      if (flags.json === true) console.log(JSON.stringify({ file: out, events, sessions }))
      else console.log(`${out}: ${events} events, ${sessions} sessions`)
    },
  )
    .option('--session <cid>', 'of this session alone; may be repeated', collect)
    .option('--from <when>', 'since this day or time, in UTC (default: a month before the end)')
    .option('--to <when>', 'before this day or time (default: now)')
    .requiredOption('--out <file>', 'where to; a .zip')
    .option('--json', 'print JSON')
}

function wantedOf(flags: Readonly<Record<string, unknown>>): Wanted {
  const sessions = (flags.session ?? []) as readonly string[]
  const to = whenOf('to', flags.to) ?? clock() + 1
  const from = whenOf('from', flags.from) ?? (sessions.length > 0 ? 0 : to - 31 * DAY_MS)
  if (from > to) throw usage('--to is before --from')
  return { from, to, sessions }
}

async function pack(dataDir: string, network: string, wanted: Wanted): Promise<NodePackage> {
  const signer = signerOf(seedOf(await loadOrCreateIdentity(join(dataDir, 'identity.key'))))
  const path = join(dataDir, 'log.db')
  using store = new NodeStore(join(dataDir, 'node.db'), { readOnly: true })
  using db = openLogDatabase(path)
  const events = new AuditEvents(db, random)
  // Before the look: what cannot be written down is not shown. Whoever logs next gives it its place.
  const filters = wanted.sessions.length > 0 ? ['session'] : ['from', 'to']
  events.add({ kind: 'log-read', action: 'package', filters, at: clock() })
  const log = storeSource(path, new SqliteLogStore(db))
  const source = { events, sessions: store, network }
  const { from, to, sessions } = wanted
  const found = [...searchNodeTrail(source, { from, to })].filter(
    ({ session, entry }) =>
      entry !== undefined && (sessions.length === 0 || sessions.includes(session ?? '')),
  )
  const unknown = sessions.find((cid) => !found.some(({ session }) => session === cid))
  if (unknown !== undefined)
    throw usage(`--session: the log has no ${unknown} in this period, or not yet`)
  const parts = { ...source, store, log, vkey: vkeyOf(db, path), signer, now: clock() }
  return await makeNodePackage(parts, { from, to, events: found.toReversed() })
}

/** Never half of a file under its name. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.part`
  try {
    const file = await open(draft, 'w', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (cause) {
    await rm(draft, { force: true })
    throw usage(`--out ${path}: ${cause instanceof Error ? cause.message : ''}`)
  }
}
