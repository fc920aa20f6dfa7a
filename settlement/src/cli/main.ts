import { Command } from 'commander'
import {
  type Config,
  defaultOf,
  kebab,
  readConfig,
  readSecrets,
  SETTINGS,
} from '../config/config.ts'
import { openStore } from '../db/store.ts'
import { toldError } from '../logging/told-error.ts'
import { backup, restoreBackup } from './backup.ts'
import { citus } from './citus.ts'
import { complianceCommands } from './compliance.ts'
import { costCommands } from './costs.ts'
import { type ForecastFlags, forecastFile } from './forecast.ts'
import { importCommand } from './import-file.ts'
import {
  callOperator,
  documentCheck,
  JOBS_LIST,
  jobRun,
  LEDGER_CHECK,
  LOG_CHECK,
  monthClosing,
  NOTIFICATIONS_TEST,
  PAYOUT_RUN,
  print,
  reconciliation,
} from './operator-call.ts'
import { operatorCommands } from './operators.ts'
import { seedDemoHere } from './seed-demo.ts'
import { serve } from './serve.ts'
import { slaCommands } from './sla.ts'
import { spendingCommands } from './spending-commands.ts'
import { stripeDouble } from './stripe-double.ts'

type Flags = Record<string, unknown>

/** The program `hanse-settlement`. What is printed on standard output is for programs; logs go to standard error. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('hanse-settlement').description(
    'Turns doubly-signed receipts into euros, and proves every cent.',
  )
  command(program, 'serve', 'run the service (default)', { isDefault: true }).action(
    run((config) => serve(config, readSecrets())),
  )
  command(program, 'stripe-double', 'run only the Stripe sandbox double').action(run(stripeDouble))
  command(program, 'payout-run', 'pay every provider what is due').action(
    run((config) => callOperator(config, readSecrets(), PAYOUT_RUN)),
  )
  command(
    program,
    'reconcile',
    'compare receipts, ledger and Stripe; exit code 1 when a difference is open',
  )
    .option('--all', 'everything since the beginning, not only what is new')
    .action(
      run((config, flags) =>
        callOperator(config, readSecrets(), reconciliation(flags.all === true)),
      ),
    )
  const ledger = program.command('ledger').description('look after the ledger')
  command(ledger, 'check', 'derive every balance again; exit code 1 when one differs').action(
    run((config) => callOperator(config, readSecrets(), LEDGER_CHECK)),
  )
  const log = program.command('log').description('look after the transparency log')
  command(log, 'check', 'compute the whole log again; exit code 1 when anything differs').action(
    run((config) => callOperator(config, readSecrets(), LOG_CHECK)),
  )
  const jobs = program.command('jobs').description('look after what the service does by itself')
  command(jobs, 'list', 'jobs with their last runs, and runs that were given up').action(
    run((config) => callOperator(config, readSecrets(), JOBS_LIST)),
  )
  command(jobs, 'run <name>', 'run a job now; exit code 1 when it fails').action(
    (name: string, flags: Flags) =>
      run((config) => callOperator(config, readSecrets(), jobRun(name)))(flags),
  )
  const notifications = program.command('notifications').description('look after what is told')
  command(
    notifications,
    'test',
    'send a test over every channel of the operators; exit code 1 when one fails, or there is none',
  ).action(run((config) => callOperator(config, readSecrets(), NOTIFICATIONS_TEST)))
  const db = program.command('db').description('look after the database')
  command(db, 'citus', 'spread usage over the machines of a Citus cluster')
    .option('--print', 'print the statements instead of running them')
    .action(run((_config, { print }) => citus(readSecrets(), print === true)))
  command(db, 'forget-stripe', 'let the next start say which Stripe empty books belong to').action(
    run(async (config) => {
      const { databaseUrl } = readSecrets()
      await using store = await openStore(
        databaseUrl === undefined ? { dataDir: config.dataDir } : { databaseUrl },
      )
      await store.forgetStripe()
      print({ forgotten: true })
    }),
  )
  command(program, 'backup', 'write the whole database into a new folder')
    .option('--to <folder>', 'folder to make it in; backups in the data directory when not given')
    .action(run((config, { to }) => backup(config, readSecrets(), to as string | undefined)))
  command(program, 'restore', 'fill a new database with a backup, and check all of it')
    .option('--from <folder>', 'the backup, or a folder with backups in it')
    .option('--to-time <time>', 'of several backups, take the newest that was made by then')
    .option('--verify', 'try it in a database that is thrown away')
    .option('--vault <folder>', 'keys of the backups; the data directory’s vault when not given')
    .action(run((config, flags) => restoreBackup(config, readSecrets(), flags)))
  command(program, 'seed-demo', 'fill a new data directory with an organization to look at')
    .option('--force', 'also where there are organizations already')
    .action(run((config, flags) => seedDemoHere(config, readSecrets(), flags.force === true)))
  program
    .command('forecast')
    .description(
      'forecast a file of `timestamp,value` by the day; exit code 2 when it is no such file',
    )
    .requiredOption('--csv <file>', 'with a header and a line for each value, times in UTC')
    .option('--json', 'for programs; percentages are numbers')
    .option('--horizon <days>', 'days to forecast; the back-test is always of 7', '7')
    .action((flags: ForecastFlags) => forecastFile(flags))
  costCommands(program, command, (errand) =>
    run(async (config, flags) => callOperator(config, readSecrets(), await errand(flags))),
  )
  slaCommands(program, command, (errand) =>
    run(async (config, flags) => callOperator(config, readSecrets(), await errand(flags))),
  )
  complianceCommands(program, command, (errand) =>
    run(async (config, flags) => callOperator(config, readSecrets(), await errand(flags))),
  )
  operatorCommands(program, command, (errand) =>
    run((config, flags) => callOperator(config, readSecrets(), errand(flags))),
  )
  importCommand(program)
  const documents = program.command('documents').description('look after invoices and statements')
  command(
    documents,
    'verify <number>',
    'make a document again out of the books; exit code 1 when it differs',
  ).action((number: string, flags: Flags) =>
    run((config) => callOperator(config, readSecrets(), documentCheck(number)))(flags),
  )
  command(documents, 'close', 'write the statements of a month that is over')
    .requiredOption('--month <month>', 'such as 2026-10')
    .option('--reason <text>', 'why it is closed although something of it is open')
    .action(
      run((config, flags) => {
        const reason = typeof flags.reason === 'string' ? flags.reason : undefined
        return callOperator(config, readSecrets(), monthClosing(String(flags.month), reason))
      }),
    )
  spendingCommands(program, command, run)
  await program.parseAsync([...argv])
}

/** A command that takes every setting as a flag. */
function command(
  parent: Command,
  name: string,
  description: string,
  options: { isDefault?: boolean } = {},
): Command {
  const made = parent.command(name, options).description(description)
  for (const [setting, meaning] of Object.entries(SETTINGS)) {
    const fallback = defaultOf(setting as keyof Config)
    const told = fallback === '' ? '' : ` (default: ${fallback})`
    made.option(`--${kebab(setting)} <value>`, `${meaning}${told}`)
  }
  return made
}

/** A fault is one line of JSON with its code. */
function run(
  work: (config: Config, flags: Flags) => Promise<void>,
): (flags: Flags) => Promise<void> {
  return async (flags) => {
    try {
      await work(readConfig(flags), flags)
    } catch (error) {
      const { code, message } = toldError(error)
      console.error(JSON.stringify({ event: 'error', code, message }))
      process.exitCode = 1
    }
  }
}
