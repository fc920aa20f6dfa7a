import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Runs a program without a shell and gives its output. @throws with what it said, when it fails */
export type Execute = (
  program: string,
  args: readonly string[],
  options?: { readonly cwd?: string },
) => Promise<string>

/** A fresh npm ci on a slow line. */
const COMMAND_MS = 30 * 60_000
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

export const execute: Execute = async (program, args, { cwd } = {}) => {
  const { stdout } = await promisify(execFile)(program, [...args], {
    ...(cwd === undefined ? {} : { cwd }),
    timeout: COMMAND_MS,
    maxBuffer: OUTPUT_BYTES_MAX,
    // git must not wait for a password that nobody types.
    env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
  })
  return stdout.trim()
}

/** What a program that failed has said, short enough for one line. */
export function saidBy(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  const lines = (said === '' && error instanceof Error ? error.message : said).split('\n')
  return (lines.findLast((line) => line.trim() !== '') ?? 'it failed').slice(0, 300)
}
