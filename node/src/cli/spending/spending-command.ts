import { ApiError, type Client, createClient } from '@hanse/client'
import { HanseError, isErrorCode } from '@hanse/protocol'
import { Command } from 'commander'
import { spendingSettings } from '../../config/groups/spending.ts'
import { loadConfigFile, readSettings, toKebab } from '../../config/settings.ts'
import { SettlementRefusal } from '../../settlement/settlement-http.ts'
import { usage } from '../log-options.ts'

export interface SpendingCall {
  readonly client: Client
  readonly json: boolean
  readonly flags: Readonly<Record<string, unknown>>
  readonly args: readonly string[]
}

/** A command that asks settlement as an organization, with the key that its gateway has. */
export function spendingCommand(
  name: string,
  description: string,
  run: (call: SpendingCall) => Promise<void>,
): Command {
  const { settlementUrl } = spendingSettings
  const command = new Command(name)
    .description(description)
    .option('--settlement-url <url>', settlementUrl.description)
    .option('--json', 'print as JSON, as the API answers')
    .exitOverride()
  return command.action(async (...received: unknown[]) => {
    const flags: Readonly<Record<string, unknown>> = command.opts()
    const args = received.slice(0, -2).filter((arg) => typeof arg === 'string')
    try {
      await run({ client: openClient(flags), json: flags.json === true, flags, args })
    } catch (error) {
      throw error instanceof ApiError ? told(error) : error
    }
  })
}

/** @throws {HanseError} HANSE_CONFIG_INVALID */
function openClient(flags: Readonly<Record<string, unknown>>): Client {
  const { path, table } = loadConfigFile('gateway', (key) => key in spendingSettings)
  const ours = Object.keys(spendingSettings).flatMap((key) => {
    const snake = toKebab(key).replaceAll('-', '_')
    return snake in table ? [[snake, table[snake]] as const] : []
  })
  const file = { path, table: Object.fromEntries(ours) }
  const { settlementUrl: baseUrl, settlementApiKey: apiKey } = readSettings(spendingSettings, {
    flags,
    env: process.env,
    file,
  })
  if (baseUrl === undefined) {
    throw usage('say which settlement: --settlement-url, or HANSE_SETTLEMENT_URL')
  }
  if (apiKey === undefined) throw usage('set HANSE_SETTLEMENT_API_KEY to a key of the organization')
  return createClient({ baseUrl, apiKey })
}

/** As the other commands tell it: the code behind, and what to do. */
function told({ code, detail, advice }: ApiError): Error {
  return isErrorCode(code)
    ? new HanseError(code, detail)
    : new SettlementRefusal(code, `${detail}. ${advice}`)
}
