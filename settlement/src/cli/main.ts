import { Command } from 'commander'
import { type Config, kebab, readConfig, readSecrets, SETTINGS } from '../config/config.ts'
import { SettlementError } from '../errors.ts'
import { callOperator } from './operator-call.ts'
import { serve } from './serve.ts'
import { stripeDouble } from './stripe-double.ts'

/** The program `hanse-settlement`. What is printed on standard output is for programs; logs go to standard error. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('hanse-settlement').description(
    'Turns doubly-signed receipts into euros, and proves every cent.',
  )
  const command = (parent: Command, name: string, description: string, isDefault = false) => {
    const made = parent.command(name, { isDefault }).description(description)
    for (const [setting, meaning] of Object.entries(SETTINGS)) {
      made.option(`--${kebab(setting)} <value>`, meaning)
    }
    return made
  }
  const run =
    (work: (config: Config) => Promise<void>) =>
    async (flags: Record<string, unknown>): Promise<void> => {
      try {
        await work(readConfig(flags))
      } catch (error) {
        const code = error instanceof SettlementError ? error.code : undefined
        console.error(JSON.stringify({ event: 'error', code, message: messageOf(error) }))
        process.exitCode = 1
      }
    }

  command(program, 'serve', 'run the service (default)', true).action(
    run((config) => serve(config, readSecrets())),
  )
  command(program, 'stripe-double', 'run only the Stripe sandbox double').action(run(stripeDouble))
  command(program, 'payout-run', 'pay every provider what is due').action(
    run((config) => callOperator(config, readSecrets(), 'payout-run')),
  )
  const ledger = program.command('ledger').description('look after the ledger')
  command(ledger, 'check', 'derive every balance again; exit code 1 when one differs').action(
    run((config) => callOperator(config, readSecrets(), 'ledger-check')),
  )
  const log = program.command('log').description('look after the transparency log')
  command(log, 'check', 'compute the whole log again; exit code 1 when anything differs').action(
    run((config) => callOperator(config, readSecrets(), 'log-check')),
  )
  await program.parseAsync([...argv])
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
