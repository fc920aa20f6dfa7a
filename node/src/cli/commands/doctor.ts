import { Command } from 'commander'
import * as kinds from '../../config/kinds.ts'
import { gatewaySettings, providerSettings } from '../../config/schemas.ts'
import { loadConfigFile, readSettings, type Setting, type Settings } from '../../config/settings.ts'
import { type Finding, isHealthy } from '../../doctor/finding.ts'
import { fetchReachability, fetchStatus } from '../../doctor/gather/control.ts'
import { openBeside } from '../../doctor/gather/engine-beside.ts'
import { gatherGateway } from '../../doctor/gather-gateway.ts'
import { gatherProvider } from '../../doctor/gather-provider.ts'
import { judgeGateway } from '../../doctor/judge-gateway.ts'
import { judgeProvider } from '../../doctor/judge-provider.ts'
import { printed } from '../../doctor/print.ts'
import { whyNoWork } from '../../doctor/why-no-work.ts'
import { newestSeen } from '../../update/seen-version.ts'
import { paint } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

const doctorGateway = {
  ...gatewaySettings,
  gatewayUrl: kinds.optionalUrl({
    description: 'the gateway to look at; from --host and --port when not given',
  }),
} as const

type Flags = Readonly<Record<string, unknown>>
type Program = 'provider' | 'gateway'
interface Report {
  readonly program: Program
  readonly findings: readonly Finding[]
}

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('Say why no work comes, or no answer, and what to do about each cause.')
    // The same flags stand behind its subcommands, which are to get them.
    .enablePositionalOptions()
    .addCommand(
      withFlags(
        settingsCommand(
          'provider',
          'Look at the provider: settings, engine, network, market, money.',
          providerSettings,
          async (settings, _args, flags) => show([await lookAtProvider(settings, flags)], flags),
        ),
      ).exitOverride(),
    )
    .addCommand(
      withFlags(
        settingsCommand(
          'gateway',
          'Look at the gateway: market, policy, balance.',
          doctorGateway,
          async (settings, _args, flags) => show([await lookAtGateway(settings)], flags),
        ),
      ).exitOverride(),
    )
  return withFlags(command).action(async () => {
    const flags = command.opts()
    show(await lookAtBoth(flags), flags)
  })
}

function withFlags(command: Command): Command {
  return command
    .option('--json', 'print the findings as JSON')
    .option('--offline', 'ask daemon, engine and machine only, not the network (provider)')
    .option('--test-request', 'send the engine a short request even when it is not local')
    .option('--no-test-request', 'send the engine no request')
}

async function lookAtProvider(
  settings: Settings<typeof providerSettings>,
  flags: Flags,
): Promise<Report> {
  const facts = await gatherProvider({
    settings,
    fetchStatus: async () => await fetchStatus(settings.dataDir),
    fetchReachability: async () => await fetchReachability(settings.dataDir),
    openEngines: async () => await openBeside(settings),
    testRequest: consentOf(flags),
    offline: flags.offline === true,
    latestVersion: await newestSeen(settings.dataDir),
  })
  return { program: 'provider', findings: judgeProvider(facts) }
}

/** With both forms declared, commander leaves the flag undefined until one is given. */
function consentOf({ testRequest }: Flags): 'near' | 'all' | 'none' {
  if (testRequest === undefined) return 'near'
  return testRequest === true ? 'all' : 'none'
}

async function lookAtGateway(settings: Settings<typeof doctorGateway>): Promise<Report> {
  const facts = await gatherGateway({ settings, gatewayUrl: settings.gatewayUrl })
  return { program: 'gateway', findings: judgeGateway(facts) }
}

/** What runs is looked at; when nothing does, both are. Settings come from the environment and hanse.toml. */
async function lookAtBoth(flags: Flags): Promise<readonly Report[]> {
  const reports = [
    await lookAtProvider(configured('provider', providerSettings), flags),
    await lookAtGateway(configured('gateway', doctorGateway)),
  ]
  const running = reports.filter(({ program, findings }) =>
    findings.some(({ id, state }) => RUNNING[program] === id && state === 'ok'),
  )
  return running.length === 0 ? reports : running
}

const RUNNING: Readonly<Record<Program, string>> = {
  provider: 'daemon.running',
  gateway: 'gateway.running',
}

function configured<Schema extends Readonly<Record<string, Setting<unknown>>>>(
  program: Program,
  schema: Schema,
): Settings<Schema> {
  const file = loadConfigFile(program, (key) => key in schema)
  return readSettings(schema, { flags: {}, env: process.env, file })
}

function show(reports: readonly Report[], flags: Flags): void {
  if (flags.json === true) {
    const json = reports.map(({ program, findings }) => ({
      program,
      healthy: isHealthy(findings),
      why: whyNoWork(findings).map(({ id }) => id),
      findings,
    }))
    console.log(JSON.stringify({ programs: json }))
  } else {
    console.log(
      reports.map(({ program, findings }) => printed(program, findings, paint)).join('\n\n'),
    )
  }
  if (!reports.every(({ findings }) => isHealthy(findings))) process.exitCode = 1
}
