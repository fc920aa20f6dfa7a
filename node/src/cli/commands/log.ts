import { Command } from 'commander'
import { logEraseCommand, logExportCommand, logShowCommand } from './log-own.ts'
import { logPackageCommand } from './log-package.ts'
import { logCheckProofCommand, logProveCommand } from './log-proof.ts'
import { logSearchCommand } from './log-search.ts'
import { logVerifyCommand } from './log-verify.ts'

export function logCommand(): Command {
  const command = new Command('log')
    .description('Check, prove and publish transparency logs (C2SP tlog-tiles).')
    .showHelpAfterError('(add --help for usage)')
    .addHelpText('after', '\nExit codes: 0 it holds, 1 a check failed, 2 called wrongly.')
  for (const sub of [
    logVerifyCommand(),
    logProveCommand(),
    logCheckProofCommand(),
    logSearchCommand(),
    logPackageCommand(),
    logShowCommand(),
    logExportCommand(),
    logEraseCommand(),
  ]) {
    command.addCommand(sub.exitOverride().showHelpAfterError('(add --help for usage)'))
  }
  return command
}
