import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { parse as parseToml } from 'smol-toml'

/** One setting of a program: how it is read, wherever it comes from. */
export interface Setting<Value> {
  readonly description: string
  /** In help, such as `<url>`; a setting without a placeholder is a switch. */
  readonly placeholder?: string
  readonly fallback: Value
  /** Secrets come from the environment or a file, never from a flag, where other users of the machine could see them. */
  readonly secret?: boolean
  /** @throws {Error} whose message says what is allowed */
  readonly parse: (text: string) => Value
  /** The default as one would type it, for help, where `String` does not do. */
  readonly shown?: string
}

export type Settings<Schema> = {
  readonly [Key in keyof Schema]: Schema[Key] extends Setting<infer Value> ? Value : never
}

type AnySchema = Readonly<Record<string, Setting<unknown>>>

export interface Sources {
  /** By camel-case name, as commander gives them; `undefined` when not given. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** The table of hanse.toml that is for this program, and the name of the file. */
  readonly file: { readonly path: string; readonly table: Readonly<Record<string, unknown>> }
}

export interface ConfigFile {
  /** Where it is, or where it would be made. */
  readonly path: string
  /** What it says to this program. */
  readonly table: Readonly<Record<string, unknown>>
  /** Whether it has a table for this program alone. */
  readonly hasOwnTable: boolean
}

/**
 * Reads every setting: flag, then `HANSE_…` variable, then hanse.toml, then default.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID that names the key, the value and what is allowed
 */
export function readSettings<Schema extends AnySchema>(
  schema: Schema,
  sources: Sources,
): Settings<Schema> {
  const { file } = sources
  const values = Object.entries(schema).map(([name, setting]) => {
    const given = lookUp(name, setting, sources)
    if (given === undefined) return [name, setting.fallback]
    try {
      return [name, setting.parse(given.text)]
    } catch (error) {
      const shown = setting.secret === true ? '' : ` is ${JSON.stringify(given.text)}:`
      const message = error instanceof Error ? error.message : String(error)
      throw new HanseError('HANSE_CONFIG_INVALID', `${given.source}${shown} ${message}`)
    }
  })
  for (const key of Object.keys(file.table)) {
    if (fromSnake(key) in schema) continue
    const known = Object.keys(schema).map(toSnake).join(', ')
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `${file.path}: unknown key ${key}; known are ${known}`,
    )
  }
  return Object.fromEntries(values) as Settings<Schema>
}

function lookUp(
  name: string,
  setting: Setting<unknown>,
  { flags, env, file }: Sources,
): { text: string; source: string } | undefined {
  const flag = flags[name]
  if (flag !== undefined && setting.secret !== true)
    return { text: toText(flag), source: `--${toKebab(name)}` }
  const variable = environmentName(name)
  const value = env[variable]
  if (value !== undefined && value !== '') return { text: value, source: variable }
  const key = toSnake(name)
  const entry = file.table[key]
  if (entry === undefined) return undefined
  if (setting.secret === true) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `${file.path}: ${key} is a secret; give it as ${variable}`,
    )
  }
  return { text: toText(entry), source: `${key} in ${file.path}` }
}

export function environmentName(name: string): string {
  return `HANSE_${toSnake(name).toUpperCase()}`
}

export function toKebab(name: string): string {
  return name.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)
}

function toSnake(name: string): string {
  return name.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)
}

function fromSnake(key: string): string {
  return key.replace(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase())
}

/** As one would type it after a flag: an array is a list, and a table a list of `key=value`. */
function toText(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(',')
  if (typeof value !== 'object' || value === null || value instanceof Date) return String(value)
  return Object.entries(value)
    .map(([key, entry]) => `${key}=${String(entry)}`)
    .join(',')
}

/**
 * Finds hanse.toml: in the working folder, in its `.hanse` folder (where `npm start` leaves one), then in the user's
 * configuration folder. Keys outside any table are for every program; a table named after a program adds to them.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when it is not TOML
 */
export function loadConfigFile(
  program: string,
  known: (key: string) => boolean,
  cwd: string = process.cwd(),
  env: Readonly<Record<string, string | undefined>> = process.env,
): ConfigFile {
  const configHome = env.XDG_CONFIG_HOME ?? join(homedir(), '.config')
  const path = [
    join(cwd, 'hanse.toml'),
    join(cwd, '.hanse', 'hanse.toml'),
    join(configHome, 'hanse', 'hanse.toml'),
  ].find((candidate) => existsSync(candidate))
  if (path === undefined)
    return { path: join(cwd, '.hanse', 'hanse.toml'), table: {}, hasOwnTable: false }
  let toml: Record<string, unknown>
  try {
    toml = parseToml(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `${path} is not TOML: ${cause instanceof Error ? cause.message : ''}`,
      { cause },
    )
  }
  const isTable = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  // Shared keys may be for other programs; those in the program's own table must all be known.
  const shared = Object.entries(toml).filter(
    ([key, value]) => !isTable(value) && known(fromSnake(key)),
  )
  const own = toml[program]
  const hasOwnTable = isTable(own)
  return {
    path,
    table: { ...Object.fromEntries(shared), ...(hasOwnTable ? own : {}) },
    hasOwnTable,
  }
}
