import type { Answer } from '@hanse/client'
import { Command } from 'commander'
import { usage } from '../log-options.ts'
import { amountText, dayText } from '../money/money-text.ts'
import { table } from '../output.ts'
import {
  type BudgetBody,
  budgetOptions,
  changesOf,
  thresholdsOf,
} from '../spending/budget-flags.ts'
import { type SpendingCall, spendingCommand } from '../spending/spending-command.ts'
import { clean } from '../terminal-text.ts'

type Budget = Answer<'/v1/budgets/{id}', 'get'>

const DEFAULTS = [
  { percent: 80, on: 'spent', action: 'notify' },
  { percent: 100, on: 'spent', action: 'stop' },
] as const

/** `hanse budgets …` */
export function budgetsCommand(): Command {
  return new Command('budgets')
    .description('How much your organization may spend, and what it has spent of it.')
    .exitOverride()
    .addCommand(spendingCommand('list', 'All budgets.', list), { isDefault: true })
    .addCommand(
      budgetOptions(
        spendingCommand('add', 'Make a budget; it tells at 80 % and stops at 100 %.', add),
      ).argument('<name>', 'what it is called'),
    )
    .addCommand(
      budgetOptions(spendingCommand('change', 'Change a budget; what is not given stays.', change))
        .argument('<budget>', 'id, or name')
        .option('--name <name>', 'another name'),
    )
    .addCommand(
      spendingCommand('remove', 'Remove a budget.', remove).argument('<budget>', 'id, or name'),
    )
    .addCommand(
      spendingCommand('history', 'What the windows of a budget came to.', history)
        .argument('<budget>', 'id, or name')
        .option('--limit <number>', 'windows, up to 100', '12'),
    )
}

async function list({ client, json }: SpendingCall): Promise<void> {
  const { budgets } = await client.get('/v1/budgets')
  if (json) console.log(JSON.stringify({ budgets }))
  else console.log(tableOf(budgets))
}

async function add({ client, json, flags, args: [name = ''] }: SpendingCall): Promise<void> {
  const { amount, window = { kind: 'month' }, ...rest } = changesOf(flags)
  if (amount === undefined) throw usage('--amount: must be given')
  const thresholds = thresholdsOf(flags, DEFAULTS)
  const body: BudgetBody = { name, amount, window, ...rest, thresholds }
  print(await client.post('/v1/budgets', { body }), json)
}

async function change({ client, json, flags, args: [which = ''] }: SpendingCall): Promise<void> {
  const found = await find(client, which)
  const { name, scope, amount, window, thresholds, carryOver, slow } = found
  const before = thresholds as NonNullable<BudgetBody['thresholds']>
  const changes = {
    ...changesOf(flags),
    ...(typeof flags.name === 'string' && { name: flags.name }),
  }
  const body: BudgetBody = {
    name,
    scope,
    amount,
    window,
    carryOver,
    ...(slow !== null && { slow }),
    ...changes,
    thresholds: thresholdsOf(flags, before),
  }
  const path = { params: { path: { id: found.id } } }
  print(await client.put('/v1/budgets/{id}', { ...path, body }), json)
}

async function remove({ client, json, args: [which = ''] }: SpendingCall): Promise<void> {
  const { id, name } = await find(client, which)
  const removed = await client.delete('/v1/budgets/{id}', { params: { path: { id } } })
  console.log(json ? JSON.stringify(removed) : `budget ${clean(name)} removed`)
}

async function history({ client, json, flags, args: [which = ''] }: SpendingCall): Promise<void> {
  const { id } = await find(client, which)
  const limit = Number(flags.limit)
  if (!Number.isInteger(limit) || limit < 1) throw usage('--limit: a whole number')
  const given = { params: { path: { id }, query: { limit } } }
  const { windows } = await client.get('/v1/budgets/{id}/history', given)
  if (json) {
    console.log(JSON.stringify({ windows }))
    return
  }
  const rows = windows.map(({ from, to, spent, held }) => [
    dayText(from),
    dayText(to),
    amountText(BigInt(spent)),
    amountText(BigInt(held)),
  ])
  console.log(table([['FROM', 'TO', 'SPENT', 'HELD'], ...rows]))
}

/** By its id, or by a name that only one has. @throws {HanseError} HANSE_CONFIG_INVALID */
async function find(client: SpendingCall['client'], which: string): Promise<Budget> {
  const { budgets } = await client.get('/v1/budgets')
  const found = budgets.filter(({ id, name }) => id === which || name === which)
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const why =
    only === undefined ? `there is no budget ${which}` : `several budgets are called ${which}`
  throw usage(`${why}; see \`hanse budgets list\``)
}

const print = (budget: Budget, json: boolean): void =>
  console.log(json ? JSON.stringify(budget) : tableOf([budget]))

function tableOf(budgets: readonly Budget[]): string {
  if (budgets.length === 0) return 'No budgets. Make one: hanse budgets add <name> --amount 100'
  const rows = budgets.map(({ id, name, scope, window, state, amount }) => [
    clean(name),
    Object.entries(scope)
      .map(([kind, value]) => `${kind} ${clean(value)}`)
      .join(', ') || 'all',
    window.kind === 'rolling' ? `${window.days} days` : window.kind,
    amountText(BigInt(state?.amount ?? amount)),
    state === null ? '' : amountText(BigInt(state.spent)),
    state === null ? '' : shareText(BigInt(state.spent), BigInt(state.amount)),
    state?.forecast?.exceedsOn == null ? '' : `exceeded on ${state.forecast.exceedsOn}`,
    id,
  ])
  return table([['NAME', 'OF', 'EACH', 'LIMIT', 'SPENT', '', 'FORECAST', 'ID'], ...rows])
}

const shareText = (part: bigint, whole: bigint): string =>
  whole === 0n ? '' : `${(part * 100n) / whole} %`
