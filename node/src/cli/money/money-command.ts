import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HanseError, type Signer, signerOf } from '@hanse/protocol'
import { Command } from 'commander'
import { moneySettings } from '../../config/groups/money.ts'
import { loadConfigFile, readSettings, type Settings, toKebab } from '../../config/settings.ts'
import { clock } from '../../daemon/running.ts'
import { loadOrCreateIdentity, seedOf } from '../../network/identity-file.ts'
import { ProviderApi } from '../../settlement/provider-api.ts'
import { usage } from '../log-options.ts'

export type MoneyFlags = Readonly<Record<string, unknown>>

/** Whose money it is. */
export interface MoneyKey {
  readonly privateKey: Awaited<ReturnType<typeof loadOrCreateIdentity>>
  readonly signer: Signer
  /** The name of the network. */
  readonly network: string
}

/** A command that asks settlement, with the key of the provider whose data folder is named. */
export function moneyCommand(
  name: string,
  description: string,
  run: (
    api: ProviderApi,
    flags: MoneyFlags,
    args: readonly string[],
    key: MoneyKey,
  ) => Promise<void>,
): Command {
  const command = new Command(name).description(description)
  for (const [key, { description: meaning, placeholder }] of Object.entries(moneySettings))
    command.option(`--${toKebab(key)} ${placeholder ?? '<value>'}`, meaning)
  return command.action(async (...received: unknown[]) => {
    const flags: MoneyFlags = command.optsWithGlobals()
    const args = received.slice(0, -2).filter((arg) => typeof arg === 'string')
    const { api, key } = await openApi(readMoneySettings(flags))
    await run(api, flags, args, key)
  })
}

/** The provider's own table of hanse.toml names folder, network and settlement; most of its keys are none of ours. */
function readMoneySettings(flags: MoneyFlags): Settings<typeof moneySettings> {
  const { path, table } = loadConfigFile('provider', (key) => key in moneySettings)
  const ours = Object.keys(moneySettings).flatMap((key) => {
    const snake = toKebab(key).replaceAll('-', '_')
    return snake in table ? [[snake, table[snake]] as const] : []
  })
  const file = { path, table: Object.fromEntries(ours) }
  return readSettings(moneySettings, { flags, env: process.env, file })
}

/** @throws {HanseError} HANSE_CONFIG_INVALID */
async function openApi({
  dataDir,
  network,
  settlementUrl: url,
}: Settings<typeof moneySettings>): Promise<{ api: ProviderApi; key: MoneyKey }> {
  if (url === undefined) {
    throw usage(
      'say which settlement pays this provider: --settlement-url, or HANSE_SETTLEMENT_URL',
    )
  }
  const path = join(dataDir, 'identity.key')
  // A key that is made now is nobody's.
  if (!existsSync(path)) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `no provider has its data in ${dataDir}: name its folder with --data-dir`,
    )
  }
  const privateKey = await loadOrCreateIdentity(path)
  const signer = signerOf(seedOf(privateKey))
  const api = new ProviderApi({ url: url.replace(/\/+$/u, ''), network, signer, now: clock })
  return { api, key: { privateKey, signer, network } }
}
