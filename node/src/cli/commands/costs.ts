import type { Body } from '@hanse/client'
import { Command, Option } from 'commander'
import { clock } from '../../daemon/running.ts'
import { usage } from '../log-options.ts'
import { amountText } from '../money/money-text.ts'
import { bigints, table } from '../output.ts'
import { type CostLine, costLines, lineOfSpend, lineOfUsage } from '../spending/costs-text.ts'
import { shortened } from '../spending/decimals.ts'
import { type Period, periodFrom, periodOptions } from '../spending/period.ts'
import { type SpendingCall, spendingCommand } from '../spending/spending-command.ts'
import { clean } from '../terminal-text.ts'
import { allocationCommand } from './costs-allocation.ts'
import { exportsCommand } from './costs-exports.ts'

/** Of everything that was used, wherever it was bought. */
const OF_ALL = ['hour', 'day', 'model', 'provider', 'source', 'tag'] as const
/** Only of what was bought on the network. */
const OF_NETWORK = ['country', 'key', 'member'] as const

/** `hanse costs …` */
export function costsCommand(): Command {
  return new Command('costs')
    .description('What your organization used, what it cost, and what it will cost.')
    .exitOverride()
    .addCommand(
      periodOptions(
        spendingCommand('show', 'What was used and what it cost.', showCosts).addOption(
          new Option('--by <what>', 'how it is summed')
            .choices([...OF_ALL, ...OF_NETWORK])
            .default('day'),
        ),
      ),
      { isDefault: true },
    )
    .addCommand(
      spendingCommand('forecast', 'What is expected to be spent.', showForecast).option(
        '--days <days>',
        'up to 62',
        '7',
      ),
    )
    .addCommand(
      periodOptions(
        spendingCommand('what-if', 'What it would have cost by another rate card.', showWhatIf),
      )
        .requiredOption('--card <name>', 'such as openai')
        .option('--card-version <number>', 'this version, instead of the one in force on each day')
        .option('--map <ours=theirs...>', 'what models are called on the card')
        .option('--currency <code>', 'to convert into, by the rates given')
        .option('--rate <from:to:day=rate...>', 'such as USD:EUR:2026-10-01=0.8612')
        .option('--leave-out', 'leave out models without a price instead of failing')
        .option('--batch', 'as if all of it had been batches'),
    )
    .addCommand(allocationCommand())
    .addCommand(exportsCommand())
}

async function showCosts({ client, json, flags }: SpendingCall): Promise<void> {
  const period = periodFrom(flags, clock())
  const lines = await linesOf(client, String(flags.by), period)
  if (json) console.log(JSON.stringify({ ...period, by: flags.by, costs: lines }, bigints))
  else console.log(costLines(String(flags.by), lines).join('\n'))
}

async function linesOf(
  client: SpendingCall['client'],
  by: string,
  { from, to }: Period,
): Promise<CostLine[]> {
  const range = { from: `${from}T00:00:00Z`, to: `${to}T00:00:00Z` }
  const lines: CostLine[] = []
  const ofNetwork = OF_NETWORK.find((one) => one === by)
  if (ofNetwork !== undefined) {
    const query = { ...range, group: ofNetwork }
    for await (const row of client.each('/v1/usage', { params: { query } })) {
      lines.push(lineOfUsage(row))
    }
    return lines
  }
  const query = { ...range, group: OF_ALL.find((one) => one === by) ?? 'day' }
  for await (const row of client.each('/v1/spend', { params: { query } })) {
    lines.push(lineOfSpend(row))
  }
  return lines
}

async function showForecast({ client, json, flags }: SpendingCall): Promise<void> {
  const query = { days: wholeNumber('--days', flags.days) }
  const forecast = await client.get('/v1/forecast', { params: { query } })
  if (json) {
    console.log(JSON.stringify(forecast))
    return
  }
  const { days, month, historyDays } = forecast
  const row = ({ amount, lower, upper }: (typeof days)[number] | typeof month) =>
    [amount, lower, upper].map((text) => amountText(BigInt(text)))
  const rows = days.map((one) => [one.day, ...row(one)])
  console.log(table([['DAY', 'EXPECTED', 'FROM', 'TO'], ...rows, [month.month, ...row(month)]]))
  console.log(`four days of five are between; made from ${historyDays} days`)
}

async function showWhatIf({ client, json, flags }: SpendingCall): Promise<void> {
  const answer = await client.post('/v1/costs/what-if', { body: whatIfOf(flags) })
  if (json) {
    console.log(JSON.stringify(answer))
    return
  }
  const { rows, totals, actual, leftOut } = answer
  const lines = rows.map(({ model, pricedAs, cost, currency, actual: paid }) => [
    clean(model ?? ''),
    clean(pricedAs ?? ''),
    `${shortened(cost)} ${clean(currency)}`,
    `${shortened(paid)} EUR`,
  ])
  console.log(table([['MODEL', 'PRICED AS', 'WOULD COST', 'PAID'], ...lines]))
  for (const { currency, cost } of totals)
    console.log(`in all ${shortened(cost)} ${clean(currency)}`)
  console.log(`paid   ${shortened(actual)} EUR`)
  for (const { model } of leftOut) console.log(`left out, without a price: ${clean(model)}`)
}

function whatIfOf(flags: SpendingCall['flags']): Body<'/v1/costs/what-if', 'post'> {
  const { card, cardVersion, currency } = flags
  return {
    ...periodFrom(flags, clock()),
    card: String(card),
    group: 'model',
    leaveOut: flags.leaveOut === true,
    batch: flags.batch === true,
    models: Object.fromEntries(listOf(flags.map).map((pair) => splitAt(pair, '--map'))),
    rates: listOf(flags.rate).map(rateOf),
    ...(typeof currency === 'string' && { currency }),
    ...(cardVersion !== undefined && { version: wholeNumber('--card-version', cardVersion) }),
  }
}

function rateOf(text: string) {
  const [pair, rate] = splitAt(text, '--rate')
  const [from = '', to = '', date = ''] = pair.split(':')
  return { from, to, date, rate }
}

/** A model's name may have an equals sign; what it is called elsewhere comes after the last. */
function splitAt(text: string, flag: string): [string, string] {
  const at = text.lastIndexOf('=')
  if (at < 1) throw usage(`${flag}: two parts with an equals sign between them`)
  return [text.slice(0, at), text.slice(at + 1)]
}

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

function wholeNumber(flag: string, value: unknown): number {
  if (/^[1-9]\d{0,5}$/u.test(String(value))) return Number(value)
  throw usage(`${flag}: a whole number`)
}
