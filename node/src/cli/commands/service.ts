import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HanseError } from '@hanse/protocol'
import { Command } from 'commander'
import { gatewaySettings, providerSettings, relaySettings } from '../../config/schemas.ts'
import { environmentName, type Setting } from '../../config/settings.ts'
import { installService, runCommand, uninstallService } from '../../service/install-service.ts'
import type { ServicePlan } from '../../service/service-plan.ts'
import { type Supervisor, supervisorOf } from '../../service/supervisor.ts'
import { settingsCommand } from '../settings-command.ts'

const SCHEMAS = {
  provider: providerSettings,
  gateway: gatewaySettings,
  relay: relaySettings,
} as const
type Program = keyof typeof SCHEMAS

const HANSE = fileURLToPath(new URL('../../../bin/hanse.mjs', import.meta.url))
/** Those without sessions have nothing to drain. */
const DRAIN_MS = 10_000

export function serviceCommand(): Command {
  const command = new Command('service').description(
    'Let the machine run a provider, gateway or relay: systemd on Linux, launchd on macOS.',
  )
  command
    .command('install <program> [flags...]')
    .description('Install and start it: hanse service install provider -- --country DE')
    .option('--system', 'a service of the machine, not of this user (needs root)')
    .option('--run-as <user>', 'whom a service of the machine runs as (default: who called sudo)')
    .option('--memory-max <size>', 'most memory it may take, such as 8G (systemd)')
    .option('--writable <folder...>', 'more folders that it may write to')
    .option('--dry-run', 'print the file, and change nothing')
    .option('--force', 'overwrite a file that was changed by hand')
    .option('--no-start', 'write the file only')
    .exitOverride()
    .action(async (program: string, flags: string[], options: InstallFlags) => {
      await install(programOf(program), flags, options)
    })
  command
    .command('uninstall <program>')
    .description('Stop it and remove its file; identity, receipts and secrets stay.')
    .option('--system', 'a service of the machine, not of this user')
    .option('--force', 'also when the file was changed by hand')
    .exitOverride()
    .action(async (program: string, options: InstallFlags) => {
      const name = programOf(program)
      const force = options.force === true
      const removed = await uninstallService(here(options), name, { force }, runCommand)
      console.log(removed === undefined ? `no service for the ${name}` : `removed ${removed}`)
    })
  command
    .command('status <program>')
    .description('What the supervisor says of it.')
    .option('--system', 'a service of the machine, not of this user')
    .exitOverride()
    .action(async (program: string, options: InstallFlags) => {
      const supervisor = here(options)
      const name = programOf(program)
      if (!existsSync(supervisor.path(name))) {
        console.log(`no service for the ${name}: hanse service install ${name}`)
        process.exitCode = 1
        return
      }
      process.stdout.write(await runCommand(supervisor.status(name)))
    })
  return command
}

interface InstallFlags {
  readonly system?: boolean
  readonly runAs?: string
  readonly memoryMax?: string
  readonly writable?: readonly string[]
  readonly dryRun?: boolean
  readonly force?: boolean
  readonly start?: boolean
}

async function install(
  program: Program,
  flags: readonly string[],
  options: InstallFlags,
): Promise<void> {
  const supervisor = here(options)
  const plan = await planOf(program, flags, options)
  if (options.dryRun === true) {
    process.stdout.write(`# ${supervisor.path(program)}\n${supervisor.text(plan)}`)
    return
  }
  const secrets = Object.entries<Setting<unknown>>(SCHEMAS[program])
    .filter(([, { secret }]) => secret === true)
    .map(([name, { description }]) => [environmentName(name), description] as const)
  const force = options.force === true
  const start = options.start !== false
  const path = await installService(supervisor, plan, { force, start, secrets }, runCommand)
  console.log(`wrote ${path}\nsecrets go into ${plan.environmentFile}`)
  console.log(start ? `started; see hanse service status ${program}` : 'not started')
  if (supervisor.hint !== '') console.log(supervisor.hint)
}

/** The settings are read as the service will read them, so that a wrong flag shows now and not at night. */
async function planOf(
  program: Program,
  flags: readonly string[],
  options: InstallFlags,
): Promise<ServicePlan> {
  let dataDir = ''
  let drainMs = DRAIN_MS
  await settingsCommand(
    program,
    '',
    SCHEMAS[program] as Readonly<Record<string, Setting<unknown>>>,
    async (settings) => {
      dataDir = resolve(String(settings.dataDir))
      if (typeof settings.drainMs === 'number') drainMs = settings.drainMs
      await Promise.resolve()
    },
  )
    .option('--json')
    .option('--yes')
    .exitOverride()
    .parseAsync([...flags], { from: 'user' })
  const given = flags.some((flag) => flag === '--data-dir' || flag.startsWith('--data-dir='))
  return {
    program,
    command: [
      process.execPath,
      HANSE,
      program,
      ...(given ? [] : ['--data-dir', dataDir]),
      ...flags,
    ],
    workingDirectory: process.cwd(),
    writable: [dataDir, ...(options.writable ?? []).map((folder) => resolve(folder))],
    environmentFile: join(dataDir, 'service.env'),
    drainMs,
    memoryMax: options.memoryMax,
    runAs: options.system === true ? userOf(options) : undefined,
  }
}

function userOf({ runAs }: InstallFlags): string {
  const user = runAs ?? process.env.SUDO_USER
  if (user !== undefined && /^[a-z_][a-z0-9_-]{0,31}$/u.test(user)) return user
  throw new HanseError(
    'HANSE_CONFIG_INVALID',
    'say whom the service runs as: --run-as, a user that is not root',
  )
}

function programOf(text: string): Program {
  if (text === 'provider' || text === 'gateway' || text === 'relay') return text
  throw new HanseError('HANSE_CONFIG_INVALID', `${text} is no provider, gateway or relay`)
}

/** As sd_booted(3) tells whether systemd runs the machine; what is only printed may be for another one. */
function here({ system, dryRun }: InstallFlags): Supervisor {
  return supervisorOf({
    platform: process.platform,
    systemd: dryRun === true || existsSync('/run/systemd/system'),
    system: system === true,
    env: process.env,
  })
}
