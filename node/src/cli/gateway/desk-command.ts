import { Command } from 'commander'
import { deskSettings } from '../../config/groups/desk.ts'
import { loadConfigFile, readSettings, toKebab } from '../../config/settings.ts'
import { peerOption } from '../peer-option.ts'
import type { DeskSettings } from './desk-access.ts'

export type Flags = Readonly<Record<string, unknown>>

export interface DeskCall {
  readonly settings: DeskSettings
  readonly peer: string | undefined
  readonly json: boolean
  /** The command’s own; those of `hanse gateway` are not among them. */
  readonly flags: Flags
  readonly args: readonly string[]
}

/** A command below `hanse gateway`, with the options by which the gateway is found. */
export function deskCommand(
  name: string,
  description: string,
  run: (call: DeskCall) => Promise<void>,
  { remote = true }: { readonly remote?: boolean } = {},
): Command {
  const command = new Command(name)
    .description(description)
    .option('--json', 'print as JSON')
    .exitOverride()
    .showHelpAfterError('(add --help for usage)')
  if (remote) command.addOption(peerOption())
  for (const [key, { description: meaning, placeholder }] of Object.entries(deskSettings)) {
    if (remote || (key !== 'bootstrap' && key !== 'networkKey'))
      command.option(`--${toKebab(key)} ${placeholder ?? '<value>'}`, meaning)
  }
  return command.action(async (...received: unknown[]) => {
    const all: Flags = command.optsWithGlobals()
    await run({
      settings: readDeskSettings(all),
      peer: typeof all.peer === 'string' ? all.peer : undefined,
      json: all.json === true,
      flags: command.opts(),
      args: received.slice(0, -2).flat().map(String),
    })
  })
}

/** The gateway’s own table of hanse.toml names its data folder; most of its keys are none of ours. */
function readDeskSettings(flags: Flags): DeskSettings {
  const { path, table } = loadConfigFile('gateway', (key) => key in deskSettings)
  const names = Object.keys(deskSettings).map((key) => toKebab(key).replaceAll('-', '_'))
  const ours = Object.entries(table).filter(([key]) => names.includes(key))
  const file = { path, table: Object.fromEntries(ours) }
  return readSettings(deskSettings, { flags, env: process.env, file })
}
