import type { Body } from '@hanse/client'
import { parseEuro } from '@hanse/client'
import type { Command } from 'commander'
import { usage } from '../log-options.ts'

export type BudgetBody = Body<'/v1/budgets', 'post'>
type Flags = Readonly<Record<string, unknown>>
type Threshold = NonNullable<BudgetBody['thresholds']>[number]

const SCOPES = ['team', 'key', 'tag', 'model'] as const
const PERCENT_MAX = 1_000

/** What a budget may say, the same for a new one and for a change. */
export const budgetOptions = (command: Command): Command =>
  command
    .option('--amount <euro>', 'such as 250 or 0.50')
    .option('--window <window>', 'day, week, month, 30d, or 2026-11-01..2026-12-01')
    .option('--team <name>', 'of this team alone')
    .option('--key <key>', 'of this key of a gateway alone')
    .option('--tag <tag>', 'of requests with this tag alone')
    .option('--model <pattern>', 'of models that fit alone')
    .option('--notify <percents>', 'thresholds that tell, such as 50,80; none for none')
    .option('--forecast <percents>', 'the same, of what is expected; none for none')
    .option('--stop <percents>', 'the threshold that stops; none for none')
    .option('--carry-over', 'what is left is added to the next window')
    .option('--no-carry-over', 'each window begins anew')

/** What the flags say of a budget; what they do not say is not there. @throws {HanseError} HANSE_CONFIG_INVALID */
export function changesOf(flags: Flags): Partial<BudgetBody> {
  const scope = SCOPES.flatMap((name) =>
    typeof flags[name] === 'string' ? [[name, flags[name]] as const] : [],
  )
  return {
    ...(typeof flags.amount === 'string' && { amount: amountOf(flags.amount) }),
    ...(typeof flags.window === 'string' && { window: windowOf(flags.window) }),
    ...(typeof flags.carryOver === 'boolean' && { carryOver: flags.carryOver }),
    ...(scope.length > 0 && { scope: Object.fromEntries(scope) }),
  }
}

const KINDS = [
  ['notify', 'spent', 'notify'],
  ['forecast', 'forecast', 'notify'],
  ['stop', 'spent', 'stop'],
] as const

/** Those before, with the kinds that flags name in their place. */
export function thresholdsOf(flags: Flags, before: readonly Threshold[]): Threshold[] {
  const named = KINDS.filter(([flag]) => typeof flags[flag] === 'string')
  const kept = before.filter(
    ({ on = 'spent', action }) => !named.some(([, ofOn, does]) => ofOn === on && does === action),
  )
  const given = named.flatMap(([flag, on, action]) =>
    percentsOf(`--${flag}`, String(flags[flag])).map((percent) => ({ percent, on, action })),
  )
  return [...kept, ...given].toSorted((a, b) => a.percent - b.percent)
}

function amountOf(text: string): string {
  try {
    return String(parseEuro(text))
  } catch {
    throw usage('--amount: euro, such as 250 or 0.50')
  }
}

function windowOf(text: string): BudgetBody['window'] {
  if (text === 'day' || text === 'week' || text === 'month') return { kind: text }
  const days = /^([1-9]\d{0,2})d$/u.exec(text)?.[1]
  if (days !== undefined) return { kind: 'rolling', days: Number(days) }
  const [from = Number.NaN, to = Number.NaN, ...rest] = text
    .split('..')
    .map((part) => Date.parse(part))
  if (rest.length === 0 && from < to) return { kind: 'fixed', from, to }
  throw usage('--window: day, week, month, 30d, or 2026-11-01..2026-12-01')
}

function percentsOf(flag: string, text: string): number[] {
  if (text === 'none') return []
  return text.split(',').map((part) => {
    const percent = Number(part.trim())
    if (Number.isInteger(percent) && percent > 0 && percent <= PERCENT_MAX) return percent
    throw usage(`${flag}: percentages with commas between them, or none`)
  })
}
