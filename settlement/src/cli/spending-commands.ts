import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { checkPolicy, tryPolicy } from './policies.ts'

type Flags = Record<string, unknown>
type Make = (parent: Command, name: string, description: string) => Command
type Run = (
  work: (config: Config, flags: Flags) => Promise<void>,
) => (flags: Flags) => Promise<void>

/** `policies …`: what an organization rules, with its own key. */
export function spendingCommands(program: Command, make: Make, run: Run): void {
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
