import { join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { Command, InvalidArgumentError } from 'commander'
import { controlSettings } from '../../config/groups/operations.ts'
import { loadConfigFile, readSettings, toKebab } from '../../config/settings.ts'
import { LOG_LINES_MAX } from '../../control/index.ts'
import { lastLines } from '../../logging/log-lines.ts'
import { logFile } from '../../logging/open-log.ts'
import { loadOrCreateIdentity, peerIdOf } from '../../network/index.ts'
import type { ProviderStatus } from '../../provider/status.ts'
import {
  type ControlAccess,
  type ControlSettings,
  explain,
  openControl,
} from '../control-access.ts'
import { bigints, paint } from '../output.ts'
import { peerOption } from '../peer-option.ts'
import { prettyLine } from '../pretty-line.ts'
import { statusLines } from '../status-text.ts'
import { runTop } from '../top/run-top.ts'
import { providerAttestCommand } from './provider-attest.ts'
import { providerLinkCommands } from './provider-link.ts'

type Flags = Readonly<Record<string, unknown>>

/** While draining is waited for. */
const DRAIN_WATCH_MS = 1_000
const DRAINED_POLLS_MAX = 3

/** Commands that watch and steer a running provider, for `hanse provider`. */
export function providerLifeCommands(): Command[] {
  return [
    providerStatusCommand(),
    providerAttestCommand(),
    ...providerLinkCommands(),
    lifeCommand('pause', 'Take no new sessions and leave the market; running ones go on.', steer),
    lifeCommand('resume', 'Take sessions again; a schedule or a hot GPU may still say no.', steer),
    lifeCommand('drain', 'Take no new sessions, let running ones finish, then end.', steer).option(
      '--wait',
      'return when the daemon has ended',
    ),
    lifeCommand('logs', 'Show the last lines of the log.', showLogs)
      .option('-n, --lines <n>', 'lines to show', parseLines, 100)
      .option('-f, --follow', 'go on with the lines that come'),
    lifeCommand('top', 'Watch GPUs, models, sessions and earnings.', async (access) => {
      if (process.stdin.isTTY && process.stdout.isTTY) await runTop(access)
      // Where there is nothing to draw on, what it would show once is still of use.
      else printStatus(await access.client.status(), false)
    }),
  ]
}

/** Puts those commands beside running a provider. Options of either may stand before or after their names. */
export function addProviderLife(provider: Command): Command {
  provider.enablePositionalOptions()
  for (const command of providerLifeCommands())
    provider.addCommand(command.exitOverride().showHelpAfterError('(add --help for usage)'))
  return provider
}

/** Also for the top level: `hanse --peer <address> status`. */
export function providerStatusCommand(): Command {
  return lifeCommand('status', 'Tell how a running provider does.', async ({ client }, flags) =>
    printStatus(await client.status(), flags.json === true),
  )
}

function lifeCommand(
  name: string,
  description: string,
  run: (access: ControlAccess, flags: Flags, name: string) => Promise<void>,
): Command {
  const command = new Command(name)
    .description(description)
    .addOption(peerOption())
    .option('--json', 'print as JSON')
  for (const [key, { description: meaning, placeholder }] of Object.entries(controlSettings))
    command.option(`--${toKebab(key)} ${placeholder ?? '<value>'}`, meaning)
  return command.action(async () => {
    const flags: Flags = command.optsWithGlobals()
    const settings = readControlSettings(flags)
    const peer = typeof flags.peer === 'string' ? flags.peer : undefined
    await using access = await openControl(settings, peer)
    try {
      await run(access, flags, name)
    } catch (error) {
      if (access.local) throw error
      const key = await loadOrCreateIdentity(join(settings.dataDir, 'identity.key'))
      throw explain(error, peerIdOf(key))
    }
  })
}

/** The daemon's own table of hanse.toml names its data folder; most of its keys are none of ours. */
function readControlSettings(flags: Flags): ControlSettings {
  const known = (key: string) => key in controlSettings
  const { path, table } = loadConfigFile('provider', known)
  const ours = Object.keys(controlSettings).flatMap((key) => {
    const snake = toKebab(key).replaceAll('-', '_')
    return snake in table ? [[snake, table[snake]] as const] : []
  })
  const file = { path, table: Object.fromEntries(ours) }
  return readSettings(controlSettings, { flags, env: process.env, file })
}

function printStatus(status: ProviderStatus, json: boolean): void {
  if (json) console.log(JSON.stringify(status, bigints))
  else console.log(statusLines(status, paint).join('\n'))
}

async function steer({ client }: ControlAccess, flags: Flags, name: string): Promise<void> {
  if (name === 'pause') await client.pause()
  else if (name === 'resume') await client.resume()
  else await client.drain()
  if (name === 'drain' && flags.wait === true) {
    await ended(client)
    console.log(flags.json === true ? JSON.stringify({ state: 'ended' }) : 'ended')
    return
  }
  const { state, pausedBy, sessions } = await client.status()
  if (flags.json === true) {
    console.log(JSON.stringify({ state, pausedBy, sessions: sessions.length }))
    return
  }
  const why = pausedBy.length === 0 ? '' : `: ${pausedBy.join('; ')}`
  const running = sessions.length === 0 ? '' : `, ${sessions.length} sessions go on`
  console.log(`${state}${why}${running}`)
}

async function ended(client: ControlAccess['client']): Promise<void> {
  // A cut may be the network's; only a daemon that cannot be reached again and again has ended.
  for (let missed = 0; missed < DRAINED_POLLS_MAX; missed++) {
    try {
      for await (const _ of client.watch(DRAIN_WATCH_MS, new AbortController().signal)) missed = 0
    } catch (error) {
      if (!(error instanceof HanseError) || error.code !== 'HANSE_CONTROL_UNREACHABLE') throw error
    }
    await new Promise((resolve) => setTimeout(resolve, DRAIN_WATCH_MS / 4))
  }
}

async function showLogs({ client, local, name }: ControlAccess, flags: Flags): Promise<void> {
  const follow = flags.follow === true
  const lines = Number(flags.lines)
  const print = (line: string) =>
    console.log(
      flags.json === true ? line : prettyLine(line, (colour, text) => paint(colour, text)),
    )
  try {
    for await (const part of client.logs({ lines, follow }, new AbortController().signal)) {
      if (part.dropped > 0) process.stderr.write(`${part.dropped} lines came too fast\n`)
      for (const line of part.lines) print(line)
    }
  } catch (error) {
    // A daemon that has ended tells why in its files.
    const kept = local && isUnreachable(error) && !follow ? lastLines(logFile(name), lines) : []
    if (kept.length === 0) throw error
    for (const line of kept) print(line)
    process.stderr.write('no daemon runs here now; these are its last lines\n')
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof HanseError && error.code === 'HANSE_CONTROL_UNREACHABLE'
}

function parseLines(text: string): number {
  const lines = Number(text)
  if (!Number.isSafeInteger(lines) || lines < 0 || lines > LOG_LINES_MAX)
    throw new InvalidArgumentError(`must be a whole number from 0 to ${LOG_LINES_MAX}.`)
  return lines
}
