import { formatEuro, HanseError } from '@hanse/protocol'
import type { Command } from 'commander'
import { clock } from '../../daemon/running.ts'
import { keyNames } from '../../gateway/spend/key-names.ts'
import { csvOfSpend, jsonOfSpend } from '../../gateway/spend/spend-json.ts'
import {
  readBy,
  readTimes,
  reportSpend,
  SPEND_BY,
  type SpendReport,
} from '../../gateway/spend/spend-report.ts'
import type { KeyRow } from '../../store/key-store.ts'
import { OWNER } from '../../store/spend-store.ts'
import { openStored, withDesk } from '../gateway/desk-access.ts'
import { type DeskCall, deskCommand } from '../gateway/desk-command.ts'
import { usage } from '../log-options.ts'
import { bigints, table } from '../output.ts'
import { clean } from '../terminal-text.ts'

/** `hanse gateway spend` */
export function gatewaySpendCommand(): Command {
  return deskCommand(
    'spend',
    'Tell what was spent, by the receipts in the data folder; exact, and without a gateway too.',
    async (call) => await (call.flags.check === true ? check(call) : spend(call)),
    { remote: false },
  )
    .option('--by <what>', `${SPEND_BY.join(', ')} (default: key)`)
    .option('--from <when>', 'first day, or time (default: the first of this month, in UTC)')
    .option('--to <when>', 'last day, or time before which (default: now)')
    .option('--key <key>', 'name or id of a key; `owner` for what was asked without one')
    .option('--csv', 'print as CSV')
    .option('--check', 'add up all receipts again, and compare with what the gateway counts')
}

async function spend({ settings, json, flags }: DeskCall): Promise<void> {
  if (json && flags.csv === true) throw usage('--json or --csv, not both')
  using store = openStored(settings.dataDir)
  const keys = store.keys.all()
  const query = {
    by: asUsage(() => readBy(text(flags.by))),
    ...asUsage(() => readTimes(text(flags.from), text(flags.to), clock())),
    key: idOf(keys, text(flags.key)),
  }
  const report = await reportSpend(store.spend, query, keyNames(keys))
  if (json) console.log(JSON.stringify(jsonOfSpend(report)))
  else if (flags.csv === true) process.stdout.write(csvOfSpend(report))
  else console.log(tableOf(report))
}

async function check({ settings, json }: DeskCall): Promise<void> {
  const sums = await withDesk(settings, undefined, (desk) => desk.ask({ method: 'spend-check' }))
  const differ = sums.filter(({ counted, derived }) => counted !== derived)
  if (json) console.log(JSON.stringify({ agrees: differ.length === 0, sums }, bigints))
  else if (differ.length === 0)
    console.log(`${sums.length} budgets: what was counted is what the receipts come to`)
  for (const { key, counted, derived } of differ) {
    const of = key ?? 'the whole gateway'
    process.stderr.write(`${of}: counted ${formatEuro(counted)}, receipts ${formatEuro(derived)}\n`)
  }
  if (differ.length > 0)
    throw new HanseError('HANSE_INTERNAL', 'what was counted is not what the receipts come to')
}

function tableOf({ by, from, to, groups, total, leftOut }: SpendReport): string {
  const until = to === Infinity ? 'now' : stamp(to)
  const head = [by.toUpperCase(), 'SESSIONS', 'INPUT', 'OUTPUT', 'AMOUNT']
  const rows = [...groups, { group: 'total', ...total }].map(
    ({ group, sessions, inputTokens, outputTokens, amount }) => [
      clean(group),
      String(sessions),
      String(inputTokens),
      String(outputTokens),
      formatEuro(amount),
    ],
  )
  const notes = leftOut.map((month) => `left out: ${month}, of which only the whole is known`)
  return [`from ${stamp(from)} to ${until}, in UTC`, table([head, ...rows]), ...notes].join('\n')
}

function stamp(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ')
}

function idOf(keys: readonly KeyRow[], which: string | undefined): string | undefined {
  if (which === undefined || which === OWNER) return which
  const named = keys.filter(({ name }) => name === which)
  const key =
    keys.find(({ id }) => id === which) ??
    named.find(({ revokedAt }) => revokedAt === undefined) ??
    named.at(-1)
  if (key === undefined) throw usage(`--key: there is no key ${which}`)
  return key.id
}

function text(flag: unknown): string | undefined {
  return typeof flag === 'string' ? flag : undefined
}

/** What a flag says is wrong ends in exit code 2, as all wrong flags do. */
function asUsage<Value>(read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    if (error instanceof HanseError) throw usage(`--${error.message}`)
    throw error
  }
}
