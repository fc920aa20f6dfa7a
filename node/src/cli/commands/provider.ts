import { join } from 'node:path'
import { formatPrice, HanseError, type Signer } from '@hanse/protocol'
import type { Command } from 'commander'
import { providerSettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { builtInModelPath, type Engine, LlamaEngine, OpenAiEngine } from '../../engine/index.ts'
import { AuditLog } from '../../log/audit-log.ts'
import { ProviderStatistics } from '../../metrics/provider-statistics.ts'
import { offeredModels } from '../../provider/model-names.ts'
import { Provider } from '../../provider/provider.ts'
import { SettlementClient } from '../../settlement/settlement-client.ts'
import { NodeStore } from '../../store/node-store.ts'
import { paint, reporter } from '../output.ts'
import { clock, openNode, random, untilStopped } from '../running.ts'
import { settingsCommand } from '../settings-command.ts'

type ProviderSettings = Settings<typeof providerSettings>

/** The name under which the built-in model is sold. */
const BUILT_IN_NAME = 'hanse/tiny-v1:f16'

export function providerCommand(): Command {
  return settingsCommand(
    'provider',
    'Put this machine’s models on the market.',
    providerSettings,
    async (settings, _args, flags) => await runProvider(settings, flags.json === true),
  ).option('--json', 'print events as JSON lines')
}

async function runProvider(settings: ProviderSettings, json: boolean): Promise<void> {
  const { country } = settings
  if (country === undefined) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      'say where this machine is: --country DE, or HANSE_COUNTRY',
    )
  }
  const report = reporter(json)
  await using engine = await openEngine(settings)
  const models = offeredModels(await engine.models(), settings.models, settings)
  if (models.length === 0)
    throw new HanseError('HANSE_ENGINE_UNAVAILABLE', 'the engine has no models')
  await using node = await openNode(settings)
  using store = new NodeStore(join(settings.dataDir, 'node.db'))
  const abandoned = store.endAbandoned(clock())
  if (abandoned > 0)
    node.log.warn(
      { abandoned },
      'sessions were cut by the last stop; their receipts will be settled',
    )
  await using audit = settings.euAudit
    ? await AuditLog.open(
        settings.dataDir,
        { network: settings.network, peerId: node.network.peerId },
        { store, log: node.log, now: clock, random },
      )
    : undefined
  const settlement = openSettlement(settings, node.signer)
  await using _provider = await Provider.start({
    networkName: settings.network,
    signer: node.signer,
    network: node.network,
    store,
    models: models.map((offered) => ({ ...offered, engine })),
    statistics: new ProviderStatistics({ now: clock }),
    country,
    minAuthorization: settings.minAuthorization,
    unsecuredCredit: settings.unsecuredCredit,
    creditWindowMax: settings.creditWindow,
    settlement:
      settlement === undefined || settings.settlementUrl === undefined
        ? undefined
        : { url: settings.settlementUrl, client: settlement },
    statementEveryMs: settings.statementEveryMs,
    drainMs: settings.drainMs,
    log: node.log,
    now: clock,
    onSessionEnd: (session) => audit?.record(session),
    onOnboarding: (url) =>
      report('onboarding', { url }, `finish onboarding for payouts: ${paint('bold', url)}`),
    onLive: (offer) =>
      report('live', { ...offer }, `on the market (evidence level ${offer.evidenceLevel})`),
  })
  report(
    'ready',
    {
      peerId: node.network.peerId,
      addresses: node.network.addresses(),
      models: models.map(({ model }) => model.id),
    },
    `provider ${node.network.peerId} in ${country}`,
  )
  if (!json) {
    for (const { model } of models) {
      console.log(
        `  ${model.id}  in ${formatPrice(model.inputPrice)}, out ${formatPrice(model.outputPrice)}`,
      )
    }
  }
  await untilStopped()
  report('stopping', {}, 'finishing running answers…')
}

async function openEngine(settings: ProviderSettings): Promise<Engine> {
  if (settings.engine === 'openai') {
    const { engineUrl, engineApiKey } = settings
    return new OpenAiEngine({
      baseUrl: engineUrl,
      ...(engineApiKey === undefined ? {} : { apiKey: engineApiKey }),
    })
  }
  return await LlamaEngine.open({
    modelId: BUILT_IN_NAME,
    modelPath: builtInModelPath(),
    slots: settings.slots,
  })
}

function openSettlement(settings: ProviderSettings, signer: Signer): SettlementClient | undefined {
  const { settlementUrl, network } = settings
  if (settlementUrl === undefined) return undefined
  return new SettlementClient({ url: settlementUrl, context: { network }, signer, now: clock })
}
