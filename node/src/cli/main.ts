import { ERRORS, HanseError } from '@hanse/protocol'
import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { paint } from './output.ts'
import { peerOption } from './peer-option.ts'

/** Exit codes: 0 done, 1 failed, 2 called wrongly (as shells and most tools have it). */
const EXIT_FAILED = 1
const EXIT_USAGE = 2

/** By name, in the order of the help. Each is read only when it is asked for: a daemon does not hold the code of the others. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  provider: async () => {
    const [{ providerCommand }, { addProviderLife }] = await Promise.all([
      import('./commands/provider.ts'),
      import('./commands/provider-life.ts'),
    ])
    return addProviderLife(providerCommand())
  },
  status: async () => (await import('./commands/provider-life.ts')).providerStatusCommand(),
  gateway: async () => {
    const [{ gatewayCommand }, { addGatewayDesk }] = await Promise.all([
      import('./commands/gateway.ts'),
      import('./commands/gateway-desk.ts'),
    ])
    return addGatewayDesk(gatewayCommand())
  },
  relay: async () => (await import('./commands/relay.ts')).relayCommand(),
  'network-key': async () => (await import('./commands/network-key.ts')).networkKeyCommand(),
  offers: async () => (await import('./commands/offers.ts')).offersCommand(),
  price: async () => (await import('./commands/price.ts')).priceCommand(),
  models: async () => (await import('./commands/models.ts')).modelsCommand(),
  chat: async () => (await import('./commands/chat.ts')).chatCommand(),
  run: async () => (await import('./commands/run.ts')).runCommand(),
  receipts: async () => (await import('./commands/receipts.ts')).receiptsCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  replay: async () => (await import('./commands/replay.ts')).replayCommand(),
  log: async () => (await import('./commands/log.ts')).logCommand(),
  deletions: async () => (await import('./commands/deletions.ts')).deletionsCommand(),
  rights: async () => (await import('./commands/rights.ts')).rightsCommand(),
  earnings: async () => (await import('./commands/earnings.ts')).earningsCommand(),
  documents: async () => (await import('./commands/documents.ts')).documentsCommand(),
  'tax-profile': async () => (await import('./commands/tax-profile.ts')).taxProfileCommand(),
  trader: async () => (await import('./commands/trader.ts')).traderCommand(),
  costs: async () => (await import('./commands/costs.ts')).costsCommand(),
  budgets: async () => (await import('./commands/budgets.ts')).budgetsCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  service: async () => (await import('./commands/service.ts')).serviceCommand(),
  update: async () => (await import('./commands/update.ts')).updateCommand(),
}

/** Runs the `hanse` command line. Sets the exit code; never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  // `hanse offers | head` closes the pipe early; that is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  const program = new Command('hanse')
    .description('Peer-to-peer GPU inference: sell it, buy it, and prove what happened.')
    .version(VERSION)
    .showHelpAfterError('(add --help for usage)')
    .exitOverride()
    .enablePositionalOptions()
    .addOption(peerOption())
    .hook('preAction', (whole, command) => refusePeer(whole, command))
    .addHelpText(
      'after',
      '\nEvery setting is a flag, a HANSE_… environment variable, or a key in hanse.toml (in this order).\nSecrets come from the environment only.',
    )
  for (const command of await commandsOf(argv)) program.addCommand(command.exitOverride())
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    process.exitCode = report(error)
  }
}

/** The one that is called; all of them where that cannot be told, as for help. */
async function commandsOf([, , first, , third]: readonly string[]): Promise<Command[]> {
  const name = first === '--peer' ? third : first
  const called = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name]
  return await Promise.all(
    (called === undefined ? Object.values(COMMANDS) : [called]).map(async (read) => await read()),
  )
}

/** A command that would run here although another machine was named does not run. */
function refusePeer(program: Command, command: Command): void {
  const { peer } = program.opts()
  if (peer === undefined || command.options.some(({ long }) => long === '--peer')) return
  program.error(`error: ${command.name()} knows no --peer`)
}

function report(error: unknown): number {
  // Commander has printed its own message, or help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  process.stderr.write(`${paint('red', 'error:', process.stderr)} ${message}${code}\n`)
  if (error instanceof HanseError) process.stderr.write(`${ERRORS[error.code].advice}\n`)
  return error instanceof HanseError && error.code === 'HANSE_CONFIG_INVALID'
    ? EXIT_USAGE
    : EXIT_FAILED
}
