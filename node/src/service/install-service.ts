import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { HanseError } from '@hanse/protocol'
import { isUnchanged } from './marked-file.ts'
import type { ServicePlan } from './service-plan.ts'
import type { Supervisor } from './supervisor.ts'

/** Runs a program of the supervisor. @throws when it fails */
export type Run = (command: readonly [string, ...string[]]) => Promise<string>

/** Restarting waits until the old daemon has drained, ten minutes at most. */
const COMMAND_MS = 11 * 60_000

export const runCommand: Run = async ([program, ...args]) => {
  try {
    const { stdout } = await promisify(execFile)(program, args, { timeout: COMMAND_MS })
    return stdout
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `${[program, ...args].join(' ')} failed: ${said.slice(0, 500)}`,
      { cause },
    )
  }
}

export interface InstallOptions {
  readonly force: boolean
  readonly start: boolean
  /** Names of the variables that hold secrets, with what they are. */
  readonly secrets: readonly (readonly [string, string])[]
}

/**
 * Writes the service's file and starts it.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when its owner has changed the file that is there, unless `force`
 */
export async function installService(
  supervisor: Supervisor,
  plan: ServicePlan,
  { force, start, secrets }: InstallOptions,
  run: Run,
): Promise<string> {
  const path = supervisor.path(plan.program)
  const text = supervisor.text(plan)
  if (!force) await refuseChanged(path)
  for (const folder of plan.writable) await mkdir(folder, { recursive: true, mode: 0o700 })
  await keepSecrets(plan.environmentFile, secrets)
  await mkdir(dirname(path), { recursive: true })
  // A supervisor that reloads meanwhile sees the old file or the new one.
  await writeFile(`${path}.tmp`, text, { mode: 0o644 })
  await rename(`${path}.tmp`, path)
  if (start) for (const command of supervisor.start(plan.program)) await run(command)
  return path
}

/** Stops the service and removes its file; secrets and data stay. @throws {HanseError} as above */
export async function uninstallService(
  supervisor: Supervisor,
  program: ServicePlan['program'],
  { force }: { readonly force: boolean },
  run: Run,
): Promise<string | undefined> {
  const path = supervisor.path(program)
  if (!existsSync(path)) return undefined
  if (!force) await refuseChanged(path)
  for (const command of supervisor.stop(program)) await run(command)
  await rm(path)
  for (const command of supervisor.forget) await run(command)
  return path
}

async function refuseChanged(path: string): Promise<void> {
  if (!existsSync(path) || isUnchanged(await readFile(path, 'utf8'))) return
  throw new HanseError(
    'HANSE_CONFIG_INVALID',
    `${path} was changed by hand: keep your changes elsewhere (systemctl edit), or give --force`,
  )
}

/** A file for secrets that only its owner may read; what is in it stays. */
async function keepSecrets(
  path: string,
  secrets: readonly (readonly [string, string])[],
): Promise<void> {
  if (existsSync(path)) return
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const lines = secrets.flatMap(([name, description]) => [`# ${description}`, `# ${name}=`])
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(
      `${['# Secrets of the service, one NAME=value a line.', ...lines].join('\n')}\n`,
    )
  } finally {
    await file.close()
  }
}
