import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatEuro, picoEuro } from '@hanse/protocol'
import { Command } from 'commander'
import { receiptsSettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { usage } from '../log-options.ts'
import { bigints, paint, table } from '../output.ts'
import {
  openReceipts,
  type ReceiptSource,
  type SessionReceipt,
} from '../receipts/receipt-source.ts'
import { filterOf, isEverything, isWithin, type SessionFilter } from '../receipts/session-filter.ts'
import { verifyAll } from '../receipts/verify-all.ts'
import { settingsCommand } from '../settings-command.ts'
import { clean } from '../terminal-text.ts'

type ReceiptsSettings = Settings<typeof receiptsSettings>
type Flags = Readonly<Record<string, unknown>>

const LIST_DEFAULT = 20
/** Newest first, so nobody misses much. */
const SESSIONS_MAX = 100_000
/** As many as a gateway tells at once. */
const CHECKS_MAX = 1_000

export function receiptsCommand(): Command {
  return new Command('receipts')
    .description('Receipts of past sessions, as both sides signed them.')
    .addCommand(
      addFilter(subcommand('list', 'List sessions, newest first.', list))
        .option('-n, --limit <n>', `how many (default: ${LIST_DEFAULT})`)
        .option('--json', 'print JSON'),
    )
    .addCommand(
      subcommand('show', 'Show a session and its receipts.', show)
        .argument('<session>', 'CID of the session')
        .option('--json', 'print JSON'),
    )
    .addCommand(
      addFilter(
        subcommand(
          'export',
          'Write the bundles of sessions, each a .car file; a newer one replaces its older self.',
          exportBundles,
        )
          .argument('[sessions...]', 'CIDs of sessions')
          .option('--all', 'of all sessions that have receipts'),
      )
        .option('-o, --output <folder>', 'where to (default: .)')
        .option('--json', 'print a JSON object a line'),
    )
    .addCommand(
      addFilter(
        subcommand('verify', 'Check bundles; exit code 1 when one fails.', verify).argument(
          '[bundles...]',
          'CIDs of sessions, and .car files; all sessions when none is given',
        ),
      ).option('--json', 'print a JSON object a line'),
    )
    .addCommand(
      subcommand(
        'checks',
        'List what spot checks found: answers that were asked for twice.',
        checks,
      )
        .option('-n, --limit <n>', `how many (default: ${LIST_DEFAULT})`)
        .option('--differ', 'only answers that differ by more than the gateway lets pass')
        .option('--json', 'print JSON, with the signed evidence'),
    )
}

function addFilter(command: Command): Command {
  return command
    .option('--model <part>', 'only sessions with this in their model’s name')
    .option('--peer <part>', 'only with a peer that has this in its id')
    .option('--since <when>', 'only begun since this day or time, in UTC')
}

function subcommand(
  name: string,
  description: string,
  run: (
    source: ReceiptSource,
    settings: ReceiptsSettings,
    args: readonly string[],
    flags: Flags,
  ) => Promise<void>,
): Command {
  return settingsCommand(name, description, receiptsSettings, async (settings, args, flags) => {
    using source = openReceipts(settings, {
      dataDir: flags.dataDir !== undefined,
      gatewayUrl: flags.gatewayUrl !== undefined,
    })
    await run(source, settings, args, flags)
  })
}

async function list(
  source: ReceiptSource,
  _settings: ReceiptsSettings,
  _args: readonly string[],
  flags: Flags,
): Promise<void> {
  const limit = limitOf(flags.limit, SESSIONS_MAX)
  const filter = filterOf(flags)
  // What is filtered out does not count.
  const all = await source.sessions(isEverything(filter) ? limit : SESSIONS_MAX)
  const sessions = all.filter((row) => isWithin(filter, row)).slice(0, limit)
  if (flags.json === true) {
    console.log(JSON.stringify({ sessions }, bigints))
    return
  }
  if (sessions.length === 0) {
    console.log(isEverything(filter) ? 'No sessions yet.' : 'No such sessions.')
    return
  }
  const head = ['WHEN', 'MODEL', 'AMOUNT', 'RECEIPTS', 'END', 'PEER', 'SESSION']
  const rows = sessions.map(({ startedAt, model, amount, receipts, reason, peer, session }) => [
    timeText(startedAt),
    clean(model),
    formatEuro(amount),
    String(receipts),
    reason ?? 'running',
    `…${peer.slice(-8)}`,
    session,
  ])
  console.log(table([head, ...rows]))
}

async function show(
  source: ReceiptSource,
  _settings: ReceiptsSettings,
  [session = '']: readonly string[],
  flags: Flags,
): Promise<void> {
  const { chain, ...row } = await source.session(session)
  if (flags.json === true) {
    console.log(JSON.stringify({ ...row, receipts: chain }, bigints))
    return
  }
  const { role, peer, model, startedAt, endedAt, reason, amount } = row
  const ended = endedAt === undefined ? 'running' : `${timeText(endedAt)}, ${reason ?? 'cut'}`
  const facts = [
    ['session', session],
    ['model', clean(model)],
    [role === 'consumer' ? 'provider' : 'consumer', clean(peer)],
    ['began', timeText(startedAt)],
    ['ended', ended],
    ['amount', formatEuro(amount)],
  ]
  console.log(`${table(facts)}\n`)
  if (chain.length === 0) {
    console.log('No receipt yet.')
    return
  }
  const head = ['#', 'INPUT', 'OUTPUT', 'AMOUNT', 'END', 'RECEIPT']
  console.log(table([head, ...chain.map(cells)]))
  console.log(
    paint('dim', 'each counts from the beginning of the session, and both sides signed it'),
  )
}

function cells({
  sequence,
  inputTokens,
  outputTokens,
  amount,
  final,
  cid,
}: SessionReceipt): string[] {
  const counts = [sequence, inputTokens, outputTokens].map(String)
  return [...counts, formatEuro(amount), final ?? '', cid]
}

async function exportBundles(
  source: ReceiptSource,
  _settings: ReceiptsSettings,
  args: readonly string[],
  flags: Flags,
): Promise<void> {
  const folder = typeof flags.output === 'string' ? flags.output : '.'
  const filter = filterOf(flags)
  if (args.length === 0 && flags.all !== true && isEverything(filter))
    throw usage('name sessions, or say --all')
  const sessions = args.length > 0 ? args : await withReceipts(source, filter)
  await mkdir(folder, { recursive: true })
  for (const session of sessions) {
    const path = join(folder, `${session}.car`)
    await writeFile(path, await source.bundle(session))
    console.log(flags.json === true ? JSON.stringify({ session, path }) : path)
  }
}

async function verify(
  source: ReceiptSource,
  { network, trust }: ReceiptsSettings,
  args: readonly string[],
  flags: Flags,
): Promise<void> {
  const names = args.length > 0 ? args : await withReceipts(source, filterOf(flags))
  let failed = 0
  let amount = 0n
  for await (const { name, summary, fault } of verifyAll(source, names, {
    network,
    settlements: trust,
  })) {
    if (fault !== undefined) failed++
    amount += summary?.amount ?? 0n
    if (flags.json === true) {
      const facts = { name, verified: fault === undefined, fault: fault ?? null, ...summary }
      console.log(JSON.stringify(facts, bigints))
    } else if (fault !== undefined) console.log(`${paint('red', '✗')} ${clean(name)}  ${fault}`)
    else if (args.length > 0) console.log(`${paint('green', '✓')} ${clean(name)}`)
  }
  const verified = names.length - failed
  if (flags.json !== true)
    console.log(`${verified} verified for ${formatEuro(picoEuro(amount))}, ${failed} failed`)
  if (failed === 0) return
  process.exitCode = 1
  if (verified === 0 && network === undefined && source.network !== undefined)
    process.stderr.write(`looked for receipts of ${source.network}: is it another --network?\n`)
}

async function checks(
  source: ReceiptSource,
  _settings: ReceiptsSettings,
  _args: readonly string[],
  flags: Flags,
): Promise<void> {
  const limit = limitOf(flags.limit, CHECKS_MAX)
  const all = await source.spotChecks(flags.differ === true ? CHECKS_MAX : limit)
  const found = all.filter(({ differ }) => flags.differ !== true || differ).slice(0, limit)
  if (flags.json === true) {
    console.log(JSON.stringify({ checks: found }))
    return
  }
  if (found.length === 0) {
    console.log('No spot checks. A gateway makes them with --spot-check-percent.')
    return
  }
  const head = ['WHEN', 'MODEL', 'RESULT', 'DIVERGENCE', 'PROVIDERS', 'SESSIONS']
  const rows = found.map(({ at, model, differ, divergence, answers }) => [
    timeText(at),
    clean(model),
    differ ? 'differ' : 'agree',
    `${(divergence * 100).toFixed(2)}%`,
    answers.map(({ provider }) => `…${clean(provider).slice(-8)}`).join(' '),
    answers.map(({ session }) => clean(session)).join(' '),
  ])
  console.log(table([head, ...rows]))
}

async function withReceipts(
  source: ReceiptSource,
  filter: SessionFilter,
): Promise<readonly string[]> {
  const sessions = await source.sessions(SESSIONS_MAX)
  return sessions
    .filter((row) => row.receipts > 0 && isWithin(filter, row))
    .map(({ session }) => session)
}

function limitOf(given: unknown, max: number): number {
  if (given === undefined) return LIST_DEFAULT
  const limit = Number(given)
  if (!Number.isInteger(limit) || limit < 1 || limit > max)
    throw usage(`--limit: a number from 1 to ${max}`)
  return limit
}

function timeText(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').slice(0, 19)
}
