import { readFileSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { SettlementError } from '../errors.ts'
import { type DryRun, dryRunLines } from '../policies/dry-run.ts'
import { faultLines, parsePolicy } from '../policies/parse-policy.ts'
import { callApi } from './api-call.ts'

/** Reads a policy and says what is wrong, a line for each fault; the program ends with 1 then. Asks nobody. */
export function checkPolicy(path: string): void {
  const { format, source } = read(path)
  const { faults } = parsePolicy(source, format)
  if (faults.length > 0) process.exitCode = 1
  const lines = faults.length === 0 ? [`${path}: good`] : faultLines(path, faults)
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** What a policy would have done to the sessions of the last days, by the service. */
export async function tryPolicy(config: Config, path: string, days: number): Promise<void> {
  const body = { ...read(path), days }
  const answer = await callApi(config, { method: 'POST', path: '/v1/policies/dry-run', body })
  process.stdout.write(`${dryRunLines(answer as DryRun).join('\n')}\n`)
}

/** By the name of the file. @throws {SettlementError} HANSE_CONFIG_INVALID when it cannot be read */
function read(path: string): { source: string; format: 'toml' | 'json' } {
  try {
    const format = path.endsWith('.json') ? 'json' : 'toml'
    return { source: readFileSync(path, 'utf8'), format }
  } catch (cause) {
    throw new SettlementError('HANSE_CONFIG_INVALID', `${path}: cannot be read`, { cause })
  }
}
