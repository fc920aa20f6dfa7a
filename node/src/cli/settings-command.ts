import { Command, Option } from 'commander'
import {
  type ConfigFile,
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
    file: ConfigFile,
  ) => Promise<void>,
): Command {
  const command = new Command(name).description(description)
  const secrets: string[] = []
  for (const [key, setting] of Object.entries(schema)) {
    if (setting.secret === true) {
      secrets.push(`  ${environmentName(key)}  ${setting.description}`)
      continue
    }
    const shown = shownDefault(setting)
    const description =
      shown === undefined ? setting.description : `${setting.description} (default: ${shown})`
    command.addOption(
      new Option(`--${toKebab(key)} ${setting.placeholder ?? '<value>'}`, description),
    )
  }
  if (secrets.length > 0) command.addHelpText('after', `\nEnvironment only:\n${secrets.join('\n')}`)
  return command.action(async (...received: unknown[]) => {
    const flags = command.opts()
    const file = loadConfigFile(name, (key) => key in schema)
    const settings = readSettings(schema, { flags, env: process.env, file })
    // An argument that may be left out comes as `undefined`, and one of many as a list.
    const args = received
      .slice(0, -2)
      .flat()
      .filter((arg) => arg !== undefined)
    await run(settings, args.map(String), flags, file)
  })
}

/** The default as one would type it. */
function shownDefault({ fallback, shown }: Setting<unknown>): string | undefined {
  if (fallback === undefined || fallback === '') return undefined
  if (shown !== undefined) return shown
  if (typeof fallback === 'string') return fallback
  if (Array.isArray(fallback)) return fallback.length === 0 ? undefined : fallback.join(',')
  return typeof fallback === 'number' || typeof fallback === 'boolean'
    ? String(fallback)
    : undefined
}
