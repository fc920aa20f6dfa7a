import { ERRORS, HanseError } from '@hanse/protocol'
import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { chatCommand } from './commands/chat.ts'
import { doctorCommand } from './commands/doctor.ts'
import { gatewayCommand } from './commands/gateway.ts'
import { addGatewayDesk } from './commands/gateway-desk.ts'
import { logCommand } from './commands/log.ts'
import { modelsCommand } from './commands/models.ts'
import { networkKeyCommand } from './commands/network-key.ts'
import { offersCommand } from './commands/offers.ts'
import { priceCommand } from './commands/price.ts'
import { providerCommand } from './commands/provider.ts'
import { addProviderLife, peerOption, providerStatusCommand } from './commands/provider-life.ts'
import { receiptsCommand } from './commands/receipts.ts'
import { relayCommand } from './commands/relay.ts'
import { replayCommand } from './commands/replay.ts'
import { runCommand } from './commands/run.ts'
import { serviceCommand } from './commands/service.ts'
import { updateCommand } from './commands/update.ts'
import { verifyCommand } from './commands/verify.ts'
import { paint } from './output.ts'

/** Exit codes: 0 done, 1 failed, 2 called wrongly (as shells and most tools have it). */
const EXIT_FAILED = 1
const EXIT_USAGE = 2

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
  for (const command of [
    addProviderLife(providerCommand()),
    providerStatusCommand(),
    addGatewayDesk(gatewayCommand()),
    relayCommand(),
    networkKeyCommand(),
    offersCommand(),
    priceCommand(),
    modelsCommand(),
    chatCommand(),
    runCommand(),
    receiptsCommand(),
    verifyCommand(),
    replayCommand(),
    logCommand(),
    doctorCommand(),
    serviceCommand(),
    updateCommand(),
  ]) {
    program.addCommand(command.exitOverride())
  }
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    process.exitCode = report(error)
  }
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
