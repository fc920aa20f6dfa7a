import { parseEuro } from '@hanse/protocol'
import type { Config } from '../config/config.ts'
import { SettlementError } from '../errors.ts'
import { callApi } from './api-call.ts'
import { print } from './operator-call.ts'

export interface BudgetFlags {
  readonly id?: string
  readonly name?: string
  readonly amount?: string
  readonly window?: string
  readonly team?: string
  readonly key?: string
  readonly tag?: string
  readonly model?: string
  readonly notify?: string
  readonly stop?: string
  readonly carryOver?: boolean
}

/** Prints all budgets of the organization. */
export async function listBudgets(config: Config): Promise<void> {
  print(await callApi(config, { method: 'GET', path: '/v1/budgets' }))
}

/** Makes a budget, or replaces the one with this id. */
export async function setBudget(config: Config, flags: BudgetFlags): Promise<void> {
  const body = budgetOf(flags)
  const { id } = flags
  print(
    await callApi(
      config,
      id === undefined
        ? { method: 'POST', path: '/v1/budgets', body }
        : { method: 'PUT', path: `/v1/budgets/${encodeURIComponent(id)}`, body },
    ),
  )
}

export async function removeBudget(config: Config, id: string): Promise<void> {
  print(await callApi(config, { method: 'DELETE', path: `/v1/budgets/${encodeURIComponent(id)}` }))
}

/** A budget as the API takes it. @throws {SettlementError} HANSE_CONFIG_INVALID that names the flag */
export function budgetOf(flags: BudgetFlags): object {
  const { name, amount, window = 'month', team, key, tag, model, carryOver = false } = flags
  if (name === undefined || amount === undefined) throw fault('--name and --amount: must be given')
  const scope = { team, key, tag, model }
  return {
    name,
    scope: Object.fromEntries(Object.entries(scope).filter(([, value]) => value !== undefined)),
    amount: parseEuro(amount).toString(),
    window: windowOf(window),
    thresholds: [
      ...percents('--notify', flags.notify ?? '80', 'notify'),
      ...percents('--stop', flags.stop ?? '100', 'stop'),
    ],
    carryOver,
  }
}

/** `day`, `week`, `month`, `30d`, or `2026-11-01..2026-12-01` in UTC. */
function windowOf(text: string): object {
  if (['day', 'week', 'month'].includes(text)) return { kind: text }
  const days = /^(\d{1,3})d$/u.exec(text)?.[1]
  if (days !== undefined) return { kind: 'rolling', days: Number(days) }
  const [from, to, ...rest] = text.split('..').map((part) => Date.parse(part))
  if (rest.length === 0 && Number.isFinite(from) && Number.isFinite(to))
    return { kind: 'fixed', from, to }
  throw fault('--window: day, week, month, 30d, or 2026-11-01..2026-12-01')
}

/** Percentages with commas between them; `none` for none. */
function percents(flag: string, text: string, action: 'notify' | 'stop'): object[] {
  if (text === 'none') return []
  return text.split(',').map((part) => {
    const percent = Number(part.trim())
    if (Number.isInteger(percent) && percent > 0) return { percent, action }
    throw fault(`${flag}: percentages with commas between them, or none`)
  })
}

const fault = (message: string) => new SettlementError('HANSE_CONFIG_INVALID', message)
