import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { asHanseError } from '@hanse/protocol'
import { Command, Option } from 'commander'
import type { SeenCheckpoint } from '../../log/compare-checkpoint.ts'
import type { LogCheck, LogReport } from '../../log/report.ts'
import { defaultSeenFile, SeenFile } from '../../log/seen-file.ts'
import { CHECKPOINT_BYTES_MAX, type LogSource, textOf } from '../../log/source.ts'
import { fetchResource } from '../../log/url.ts'
import { type EntriesMode, verifyLog } from '../../log/verify-log.ts'
import { checkKeys, collect, parseCount, sourceOf, usage } from '../log-options.ts'
import { paint } from '../output.ts'

interface Flags {
  readonly dir?: string
  readonly url?: string
  readonly vkey: string
  readonly witness?: readonly string[]
  readonly quorum?: bigint
  readonly entries: EntriesMode
  readonly checkpoint?: readonly string[]
  /** `false` with --no-state. */
  readonly state?: string | boolean
  readonly json?: boolean
}

const MARKS: Record<LogCheck['status'], string> = { ok: '✓', unproved: '?', failed: '✗' }
const COLOURS = { ok: 'green', unproved: 'yellow', failed: 'red' } as const

export function logVerifyCommand(): Command {
  return new Command('verify')
    .description(
      'Check a log: signature, tiles, entries, and that it continues what was seen before; one line per check.',
    )
    .option('--dir <folder>', 'the log in a folder: checkpoint, tile/0/000, …')
    .option('--url <url>', 'the log as it is served below an address')
    .requiredOption('--vkey <vkey>', 'verifier key of the log, name+hash+key')
    .option('--witness <vkey>', 'key of a witness; may be repeated', collect)
    .option('--quorum <n>', 'how many witnesses must have cosigned (default: all)', parseCount)
    .addOption(
      new Option('--entries <mode>', 'entries that are not there: auto allows none or all')
        .choices(['auto', 'require', 'if-present', 'ignore'])
        .default('auto'),
    )
    .option(
      '--checkpoint <file or url>',
      'a checkpoint of this log that was seen before or elsewhere; may be repeated',
      collect,
    )
    .option(
      '--state <file>',
      `remembers the last verified checkpoint of each log (default with --url: ${defaultSeenFile({ XDG_STATE_HOME: '~/.local/state' })})`,
    )
    .option('--no-state', 'compare with nothing remembered, and remember nothing')
    .option('--json', 'print the report as JSON')
    .action(async (flags: Flags) => await run(flags))
}

async function run(flags: Flags): Promise<void> {
  const { vkey, witness: witnessKeys = [], quorum } = flags
  const source = sourceOf(flags.dir, flags.url)
  if (source === undefined) throw usage('say where the log is: --dir DIR or --url URL')
  checkKeys(vkey, witnessKeys, quorum)
  const place = flags.dir === undefined ? source.name : resolve(flags.dir)
  const memory = memoryOf(flags)
  const remembered = await memory?.find(vkey)
  const seen: SeenCheckpoint[] = await Promise.all((flags.checkpoint ?? []).map(readSeen))
  if (remembered !== undefined) {
    seen.push({
      name: `the checkpoint seen at ${new Date(remembered.seenAt).toISOString()} in ${remembered.source}`,
      note: remembered.checkpoint,
      // A copy elsewhere may be behind without any fault of the log.
      ifSmaller: remembered.source === place ? 'failed' : 'unproved',
    })
  }
  const { report, checkpoint } = await verifyLog(source, {
    vkey,
    witnessKeys,
    ...(quorum === undefined ? {} : { quorum: Number(quorum) }),
    entries: flags.entries,
    seen,
    ...progressOf(source, flags.json === true),
  })
  if (flags.json === true) printJson(report)
  else print(report)
  if (!report.verified) process.exitCode = 1
  if (checkpoint === undefined || memory === undefined) return
  if (remembered !== undefined && sizeOf(remembered.checkpoint) > (report.size ?? 0n)) return
  try {
    await memory.keep(vkey, { source: place, seenAt: Date.now(), checkpoint })
  } catch (error) {
    process.stderr.write(`not remembered: ${asHanseError(error).message} (${memory.path})\n`)
  }
}

/**
 * A log that is served is compared with what it served before, unless told otherwise. A folder is somebody's copy, of which
 * there may be many of any age: what it holds is judged by itself.
 */
function memoryOf({ state, url }: Flags): SeenFile | undefined {
  if (typeof state === 'string') return new SeenFile(state)
  return state === false || url === undefined ? undefined : new SeenFile(defaultSeenFile())
}

async function readSeen(place: string): Promise<SeenCheckpoint> {
  const isUrl = /^https?:\/\//u.test(place)
  try {
    const note = isUrl ? await fetchResource(place, 'checkpoint') : await readFile(place)
    if (note === undefined) throw new Error('not found')
    if (note.byteLength > CHECKPOINT_BYTES_MAX) throw new Error('too large')
    return { name: place, note: new Uint8Array(note), ifSmaller: 'failed' }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw usage(`--checkpoint ${place}: ${why}`)
  }
}

/** The second line; what was remembered had been verified. */
function sizeOf(checkpoint: string): bigint {
  return BigInt(textOf(checkpoint).split('\n')[1] ?? 0)
}

/** On a terminal, for logs that take a while. */
function progressOf(
  source: LogSource,
  json: boolean,
): { onProgress?: (resources: number, size: bigint) => void } {
  if (json || !process.stderr.isTTY) return {}
  return {
    onProgress: (resources, size) => {
      if (resources % 64 !== 0) return
      const all = (size / 256n + 1n) * 2n
      process.stderr.write(
        `\r${source.name}: ${resources} of about ${all} tiles and bundles\u001B[K\r`,
      )
    },
  }
}

function printJson(report: LogReport): void {
  console.log(JSON.stringify(report, (_, v) => (typeof v === 'bigint' ? v.toString() : v)))
}

function print({ verified, checks, origin, size, forks }: LogReport): void {
  if (process.stderr.isTTY) process.stderr.write('\u001B[K')
  const width = Math.max(...checks.map(({ id }) => id.length))
  for (const { id, status, detail, code } of checks) {
    const suffix = code === undefined ? '' : ` (${code})`
    console.log(`${paint(COLOURS[status], MARKS[status])} ${id.padEnd(width)}  ${detail}${suffix}`)
  }
  for (const { first, second } of forks) {
    console.log(
      paint(
        'red',
        '\nFORK: the log signed both of these, and only one can be true (HANSE_LOG_FORK)',
      ),
    )
    console.log(`\n${first}\n${second}`)
  }
  if (verified) console.log(`\n${paint('green', 'VERIFIED')} ${origin}: ${size} entries`)
  else console.log(paint('red', '\nNOT VERIFIED'))
}
