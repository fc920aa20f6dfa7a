import { readFile } from 'node:fs/promises'
import type { Answer, Body } from '@hanse/client'
import { HanseError } from '@hanse/protocol'
import { Command } from 'commander'
import { clock } from '../../daemon/running.ts'
import { usage } from '../log-options.ts'
import { table } from '../output.ts'
import { shortened } from '../spending/decimals.ts'
import { type SpendingCall, spendingCommand } from '../spending/spending-command.ts'
import { clean } from '../terminal-text.ts'

type Report = Answer<'/v1/showback', 'get'>
type Rules = Body<'/v1/allocation-plans', 'post'>['rules']

const MONTH = ['--month <month>', 'such as 2026-11 (default: this one)'] as const

/** `hanse costs allocation …` */
export function allocationCommand(): Command {
  return new Command('allocation')
    .description('Which cost centre bears what.')
    .exitOverride()
    .addCommand(
      spendingCommand('show', 'What each cost centre bears of a month.', show).option(...MONTH),
      { isDefault: true },
    )
    .addCommand(spendingCommand('plans', 'The plans that were made, newest first.', plans))
    .addCommand(
      spendingCommand('try', 'What rules would make of a month; nothing is kept.', tryRules)
        .argument('<file>', 'rules as JSON: a list, or an object with `rules`')
        .option(...MONTH),
    )
    .addCommand(
      spendingCommand('set', 'Make a plan of these rules; it counts from its month on.', set)
        .argument('<file>', 'rules as JSON: a list, or an object with `rules`')
        .option(...MONTH),
    )
}

async function show({ client, json, flags }: SpendingCall): Promise<void> {
  const query = { month: monthOf(flags.month) }
  const report = await client.get('/v1/showback', { params: { query } })
  if (json) console.log(JSON.stringify(report))
  else console.log(reportText(report))
}

async function plans({ client, json }: SpendingCall): Promise<void> {
  const found = []
  for await (const plan of client.each('/v1/allocation-plans')) found.push(plan)
  if (json) {
    console.log(JSON.stringify({ plans: found }))
    return
  }
  const rows = found.map(({ version, effectiveFrom, rules, createdBy, createdAt }) => [
    String(version),
    effectiveFrom,
    String(rules.length),
    clean(createdBy),
    new Date(createdAt).toISOString().slice(0, 10),
  ])
  console.log(
    rows.length === 0
      ? 'No plans. Make one: hanse costs allocation set rules.json'
      : table([['PLAN', 'FROM', 'RULES', 'BY', 'MADE'], ...rows]),
  )
}

async function tryRules({ client, json, flags, args: [file = ''] }: SpendingCall): Promise<void> {
  const body = { month: monthOf(flags.month), rules: await rulesOf(file) }
  const { tried, inForce } = await client.post('/v1/allocation-plans/dry-run', { body })
  if (json) console.log(JSON.stringify({ tried, inForce }))
  else console.log(`With these rules:\n${reportText(tried)}\n\nAs it is:\n${reportText(inForce)}`)
}

async function set({ client, json, flags, args: [file = ''] }: SpendingCall): Promise<void> {
  const body = { effectiveFrom: monthOf(flags.month), rules: await rulesOf(file) }
  const plan = await client.post('/v1/allocation-plans', { body })
  console.log(
    json
      ? JSON.stringify(plan)
      : `plan ${plan.version} counts from ${plan.effectiveFrom} on, with ${plan.rules.length} rules`,
  )
}

function reportText({ month, plan, centres, unallocated, total, sessions }: Report): string {
  const rows = centres.map(({ centre, direct, shared, total: sum }) => [
    clean(centre),
    ...[direct, shared, sum].map(shortened),
  ])
  const none = ['(unallocated)', '', '', shortened(unallocated.total)]
  const all = ['total', '', '', shortened(total)]
  const by = plan === null ? 'without a plan' : `by plan ${plan.version}`
  return [
    table([['COST CENTRE', 'DIRECT', 'SHARED', 'EUR'], ...rows, none, all]),
    `${month}, ${by}: ${sessions} sessions`,
  ].join('\n')
}

/** The service checks them, and names what is wrong with a rule. @throws {HanseError} HANSE_CONFIG_INVALID */
async function rulesOf(file: string): Promise<Rules> {
  let read: unknown
  try {
    read = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new HanseError('HANSE_CONFIG_INVALID', `${file}: cannot be read as JSON`, { cause })
  }
  const rules = Array.isArray(read) ? read : (read as { rules?: unknown } | null)?.rules
  if (!Array.isArray(rules)) throw usage(`${file}: a list of rules, or an object with \`rules\``)
  return rules as Rules
}

function monthOf(given: unknown): string {
  if (given === undefined) return new Date(clock()).toISOString().slice(0, 7)
  if (typeof given === 'string' && /^20\d\d-(?:0[1-9]|1[0-2])$/u.test(given)) return given
  throw usage('--month: such as 2026-11')
}
