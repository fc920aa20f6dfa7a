import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { type BudgetFlags, listBudgets, removeBudget, setBudget } from './budgets.ts'
import { checkPolicy, tryPolicy } from './policies.ts'

type Flags = Record<string, unknown>
type Make = (parent: Command, name: string, description: string) => Command
type Run = (
  work: (config: Config, flags: Flags) => Promise<void>,
) => (flags: Flags) => Promise<void>

/** `budgets …` and `policies …`: what an organization rules, with its own key. */
export function spendingCommands(program: Command, make: Make, run: Run): void {
  const budgets = program
    .command('budgets')
    .description('look after budgets, with the key of HANSE_SETTLEMENT_API_KEY')
  make(budgets, 'list', 'all budgets with what was spent').action(run(listBudgets))
  make(budgets, 'set', 'make a budget, or replace the one with --id')
    .option('--id <id>', 'of the budget to replace')
    .option('--name <name>', 'what it is called')
    .option('--amount <euro>', 'such as 250 or 0.50')
    .option('--window <window>', 'day, week, month, 30d, or 2026-11-01..2026-12-01', 'month')
    .option('--team <name>', 'of this team alone')
    .option('--key <key>', 'of this key of a gateway alone')
    .option('--tag <tag>', 'of requests with this tag alone')
    .option('--model <pattern>', 'of models that fit alone')
    .option('--notify <percents>', 'thresholds that tell, such as 50,80; none for none', '80')
    .option('--stop <percents>', 'the threshold that stops; none for none', '100')
    .option('--carry-over', 'what is left is added to the next window')
    .action(run((config, flags) => setBudget(config, flags as BudgetFlags)))
  make(budgets, 'remove <id>', 'remove a budget').action((id: string, flags: Flags) =>
    run((config) => removeBudget(config, id))(flags),
  )
  const policies = program.command('policies').description('look after policies')
  make(
    policies,
    'check <file>',
    'read a policy in TOML or JSON; exit code 1 when something is wrong',
  )
    .option('--days <days>', 'also try it on the sessions of the last days, by the service')
    .action((file: string, flags: Flags) =>
      run(async (config) => {
        checkPolicy(file)
        if (flags.days === undefined || process.exitCode === 1) return
        await tryPolicy(config, file, Number(flags.days))
      })(flags),
    )
}
