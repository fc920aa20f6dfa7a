import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { formatEuro, picoEuro } from '@hanse/protocol'
import { type Command, Option } from 'commander'
import { logSearchSettings } from '../../config/schemas.ts'
import { clock, random } from '../../daemon/running.ts'
import { AUDIT_EVENT_KINDS, type AuditEventKind, AuditEvents } from '../../log/audit-events.ts'
import { openLogDatabase } from '../../log/sqlite-log-store.ts'
import {
  type NodeTrailEvent,
  type NodeTrailFilter,
  nodeTrailJson,
  searchNodeTrail,
} from '../../log/trail/node-trail.ts'
import { NodeStore } from '../../store/node-store.ts'
import { collect, noLogIn, usage } from '../log-options.ts'
import { paint, table } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'
import { clean } from '../terminal-text.ts'

const LIMIT_DEFAULT = 50
const LIMIT_MAX = 10_000
const FILTERS = ['session', 'model', 'provider', 'country', 'key', 'reason', 'text'] as const

type Flags = Readonly<Record<string, unknown>>

export function logSearchCommand(): Command {
  return settingsCommand(
    'search',
    'Search this node’s own log, newest first; that somebody looked is logged too.',
    logSearchSettings,
    async ({ dataDir, network }, _args, flags) => {
      const filter = trailFilterOf(flags)
      const limit = limitOf(flags.limit)
      const path = join(dataDir, 'log.db')
      if (!existsSync(path)) throw noLogIn(dataDir)
      using db = openLogDatabase(path)
      const events = new AuditEvents(db, random)
      // Before the look: what cannot be written down is not shown.
      const filters = Object.keys(filter).sort()
      events.add({ kind: 'log-read', action: 'search', filters, at: clock() })
      const storePath = join(dataDir, 'node.db')
      using sessions = existsSync(storePath)
        ? new NodeStore(storePath, { readOnly: true })
        : undefined
      const found: NodeTrailEvent[] = []
      for (const event of searchNodeTrail({ events, sessions, network }, filter)) {
        found.push(event)
        if (found.length === limit) break
      }
      print(found, flags.json === true)
    },
  )
    .addOption(
      new Option('--kind <kind>', 'only events of this kind; may be repeated')
        .choices([...AUDIT_EVENT_KINDS])
        .argParser((value: string, before: readonly string[] | undefined) =>
          collect(value, before),
        ),
    )
    .option('--from <when>', 'only since this day or time, in UTC')
    .option('--to <when>', 'only before this day or time')
    .option('--session <cid>', 'only about this session')
    .option('--model <id>', 'only of this model')
    .option('--provider <peer>', 'only with this peer')
    .option('--country <code>', 'only with a provider in this country')
    .option('--key <id>', 'only of this key of the gateway')
    .option('--reason <code>', 'only with this end of a session, or reason of a refusal')
    .option('--text <text>', 'only with this somewhere, in whatever case')
    .option('-n, --limit <n>', `how many (default: ${LIMIT_DEFAULT})`)
    .option('--json', 'print JSON')
}

/** @throws {HanseError} HANSE_CONFIG_INVALID */
export function trailFilterOf(flags: Flags): NodeTrailFilter {
  const texts = FILTERS.flatMap((name) =>
    typeof flags[name] === 'string' ? [[name, flags[name]] as const] : [],
  )
  const from = whenOf('from', flags.from)
  const to = whenOf('to', flags.to)
  return {
    ...Object.fromEntries(texts),
    ...(flags.kind !== undefined && { kinds: flags.kind as readonly AuditEventKind[] }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  }
}

/** A day begins in UTC. */
export function whenOf(name: string, text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  const time = Date.parse(text)
  if (/^\d{4}-\d\d-\d\d/u.test(text) && Number.isFinite(time)) return time
  throw usage(`--${name}: a day such as 2026-11-21, or a time such as 2026-11-21T08:00:00Z`)
}

function limitOf(given: unknown): number {
  const limit = given === undefined ? LIMIT_DEFAULT : Number(given)
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX) return limit
  throw usage(`--limit: a number from 1 to ${LIMIT_MAX}`)
}

function print(found: readonly NodeTrailEvent[], isJson: boolean): void {
  if (isJson) {
    console.log(JSON.stringify({ events: found.map(nodeTrailJson) }))
    return
  }
  if (found.length === 0) {
    console.log('No such events.')
    return
  }
  const head = ['ENTRY', 'WHEN', 'KIND', 'MODEL', 'COUNTRY', 'AMOUNT', 'REASON', 'DETAIL']
  const [first = '', ...rest] = table([head, ...found.map(cells)]).split('\n')
  console.log([paint('bold', first), ...rest].join('\n'))
}

function cells({ entry, at, kind, model, country, amount, reason, detail }: NodeTrailEvent) {
  return [
    entry?.toString() ?? '–',
    new Date(at).toISOString().replace('T', ' ').slice(0, 19),
    kind,
    clean(model ?? ''),
    country ?? '',
    amount === undefined ? '' : formatEuro(picoEuro(amount)),
    reason ?? '',
    clean(detail),
  ]
}
