import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatEuro, HanseError } from '@hanse/protocol'
import { Command } from 'commander'
import { receiptsSettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { bigints, paint, table } from '../output.ts'
import {
  openReceipts,
  type ReceiptSource,
  type SessionReceipt,
} from '../receipts/receipt-source.ts'
import { verifyAll } from '../receipts/verify-all.ts'
import { settingsCommand } from '../settings-command.ts'
import { clean } from '../terminal-text.ts'

type ReceiptsSettings = Settings<typeof receiptsSettings>
type Flags = Readonly<Record<string, unknown>>

const LIST_DEFAULT = 20
/** Newest first, so nobody misses much. */
const SESSIONS_MAX = 100_000

export function receiptsCommand(): Command {
  return new Command('receipts')
    .description('Receipts of past sessions, as both sides signed them.')
    .addCommand(
      subcommand('list', 'List sessions, newest first.', list)
        .option('-n, --limit <n>', `how many (default: ${LIST_DEFAULT})`)
        .option('--json', 'print JSON'),
    )
    .addCommand(
      subcommand('show', 'Show the receipts of a session.', show)
        .argument('<session>', 'CID of the session')
        .option('--json', 'print JSON'),
    )
    .addCommand(
      subcommand('export', 'Write the bundles of sessions, each a .car file.', exportBundles)
        .argument('[sessions...]', 'CIDs of sessions')
        .option('--all', 'of all sessions')
        .option('-o, --output <folder>', 'where to (default: .)'),
    )
    .addCommand(
      subcommand('verify', 'Check the bundles of sessions; exit code 1 when one fails.', verify)
        .argument('[sessions...]', 'CIDs of sessions; all when none is given')
        .option('--json', 'print a JSON object a line'),
    )
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
    using source = openReceipts(settings, flags.gatewayUrl !== undefined)
    await run(source, settings, args, flags)
  })
}

async function list(
  source: ReceiptSource,
  _settings: ReceiptsSettings,
  _args: readonly string[],
  flags: Flags,
): Promise<void> {
  const sessions = await source.sessions(limitOf(flags.limit))
  if (flags.json === true) {
    console.log(JSON.stringify({ sessions }, bigints))
    return
  }
  if (sessions.length === 0) {
    console.log('No sessions yet.')
    return
  }
  const head = ['WHEN', 'MODEL', 'AMOUNT', 'RECEIPTS', 'END', 'PEER', 'SESSION']
  const rows = sessions.map(({ startedAt, model, amount, receipts, reason, peer, session }) => [
    new Date(startedAt).toISOString().replace('T', ' ').slice(0, 19),
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
  const receipts = await source.receipts(session)
  if (flags.json === true) {
    console.log(JSON.stringify({ session, receipts }, bigints))
    return
  }
  if (receipts.length === 0) {
    console.log('No receipt yet.')
    return
  }
  const head = ['#', 'INPUT', 'OUTPUT', 'AMOUNT', 'END', 'RECEIPT']
  console.log(table([head, ...receipts.map(cells)]))
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
  if (args.length === 0 && flags.all !== true)
    throw new HanseError('HANSE_CONFIG_INVALID', 'name sessions, or say --all')
  await mkdir(folder, { recursive: true })
  const sessions = flags.all === true ? await withReceipts(source) : args
  for (const session of sessions) {
    const path = join(folder, `${session}.car`)
    await writeFile(path, await source.bundle(session))
    console.log(path)
  }
}

async function verify(
  source: ReceiptSource,
  { network, trust }: ReceiptsSettings,
  args: readonly string[],
  flags: Flags,
): Promise<void> {
  const sessions = args.length > 0 ? args : await withReceipts(source)
  let failed = 0
  let verified = 0
  for await (const { session, report, fault } of verifyAll(source, sessions, {
    network,
    settlements: trust,
  })) {
    if (report.verified) verified++
    else failed++
    if (flags.json === true)
      console.log(
        JSON.stringify({ session, verified: report.verified, fault, ...report.summary }, bigints),
      )
    else if (!report.verified) console.log(`${paint('red', '✗')} ${session}  ${fault ?? ''}`)
    else if (args.length > 0) console.log(`${paint('green', '✓')} ${session}`)
  }
  const missing = args.length === 0 ? 0 : args.length - verified - failed
  if (flags.json !== true) {
    const unknown = missing === 0 ? '' : `, ${missing} unknown or without a receipt`
    console.log(`${verified} verified, ${failed} failed${unknown}`)
  }
  if (failed + missing > 0) process.exitCode = 1
}

async function withReceipts(source: ReceiptSource): Promise<readonly string[]> {
  const sessions = await source.sessions(SESSIONS_MAX)
  return sessions.filter(({ receipts }) => receipts > 0).map(({ session }) => session)
}

function limitOf(given: unknown): number {
  if (given === undefined) return LIST_DEFAULT
  const limit = Number(given)
  if (!Number.isInteger(limit) || limit < 1 || limit > SESSIONS_MAX)
    throw new HanseError('HANSE_CONFIG_INVALID', `--limit: a number from 1 to ${SESSIONS_MAX}`)
  return limit
}
