import { Command, Option } from 'commander'
import {
  environmentName,
  loadConfigFile,
  readSettings,
  type Setting,
  type Settings,
  toKebab,
} from '../config/settings.ts'

/** A command whose options are the settings of `schema`; `run` gets them read and checked. */
export function settingsCommand<Schema extends Readonly<Record<string, Setting<unknown>>>>(
  name: string,
  description: string,
  schema: Schema,
  run: (
    settings: Settings<Schema>,
    args: readonly string[],
    flags: Readonly<Record<string, unknown>>,
  ) => Promise<void>,
): Command {
  const command = new Command(name).description(description)
  const secrets: string[] = []
  for (const [key, setting] of Object.entries(schema)) {
    if (setting.secret === true) {
      secrets.push(`  ${environmentName(key)}  ${setting.description}`)
      continue
    }
    const option = new Option(
      `--${toKebab(key)} ${setting.placeholder ?? '<value>'}`,
      setting.description,
    )
    const shown = shownDefault(setting.fallback)
    command.addOption(shown === undefined ? option : option.default(undefined, shown))
  }
  if (secrets.length > 0) command.addHelpText('after', `\nEnvironment only:\n${secrets.join('\n')}`)
  return command.action(async (...received: unknown[]) => {
    const flags = command.opts()
    const file = loadConfigFile(name, (key) => key in schema)
    const settings = readSettings(schema, { flags, env: process.env, file })
    await run(settings, received.slice(0, -2).flat().map(String), flags)
  })
}

function shownDefault(value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.join(',')
  if (typeof value === 'bigint') return undefined
  return String(value)
}
