import { formatPrice, HanseError, type OfferedModel } from '@hanse/protocol'
import type { Command } from 'commander'
import { providerSettings } from '../../config/schemas.ts'
import type { ConfigFile } from '../../config/settings.ts'
import { OfferDirectory } from '../../consumer/offer-directory.ts'
import { modelsOnOffer, type PricedModel } from '../../daemon/offer-models.ts'
import {
  type ProviderDaemon,
  type ProviderSettings,
  startProvider,
} from '../../daemon/run-provider.ts'
import { clock, openNode, type RunningNode, untilStopped } from '../../daemon/running.ts'
import type { EngineModel } from '../../engine/index.ts'
import { inspectMachine, type Machine, thisMachine } from '../../machine/index.ts'
import { type MarketOffer, suggestPrices } from '../../provider/pricing/index.ts'
import { type OpenedEngines, openEngines } from '../../setup/open-engines.ts'
import { type Answered, askOwner, describe, type Found } from '../../setup/questions.ts'
import { remember } from '../../setup/remember.ts'
import { paint, type Reporter, reporter } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

/** To see what others ask; a market that does not answer is not waited for. */
const MARKET_MS = 3_000
/** What an offer holds. */
const MODELS_MAX = 64

interface Run {
  readonly settings: ProviderSettings
  readonly file: ConfigFile
  readonly report: Reporter
  readonly json: boolean
  /** Whether the owner is there to be asked, and has not answered before. */
  readonly ask: boolean
}

export function providerCommand(): Command {
  return settingsCommand(
    'provider',
    'Put this machine’s models on the market.',
    providerSettings,
    async (settings, _args, flags, file) => {
      const json = flags.json === true
      const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true
      const ask = isTerminal && !json && flags.yes !== true && !file.hasOwnTable
      await runProvider({ settings, file, report: reporter(json), json, ask })
    },
  )
    .option('-y, --yes', 'take the suggestions and ask nothing')
    .option('--json', 'print events as JSON lines')
}

async function runProvider(run: Run): Promise<void> {
  const { report, json } = run
  let { settings } = run
  if (!run.ask) requireCountry(settings)
  const access = thisMachine()
  const machine = await inspectMachine(access)
  await using node = await openNode(settings)
  const { set, found, onlyDemonstration } = await openEngines(settings, (notice) =>
    node.log.info({ ...notice }, 'built-in engine'),
  )
  await using engines = set
  const { models: runnable, troubles } = await engines.models()
  for (const { engine, error } of troubles)
    node.log.warn({ engine: engine.name, cause: messageOf(error) }, 'this engine is left out')
  const market = await lookAtMarket(settings, node)
  const suggest = (model: OfferedModel, source: EngineModel | undefined) =>
    suggestPrices(
      {
        id: model.id,
        quantization: model.quantization,
        parameters: source?.parameters ?? null,
        sizeBytes: source?.sizeBytes ?? null,
      },
      market,
    )
  let models = modelsOnOffer(runnable, settings, suggest).slice(0, MODELS_MAX)
  if (models.length === 0)
    throw new HanseError('HANSE_ENGINE_UNAVAILABLE', noModels(engines.engines.length, troubles))
  const facts = foundOf(machine, found, onlyDemonstration, models)
  if (run.ask) {
    const answered = await askOwner(facts, settings)
    if (answered === undefined) return
    node.network.keepConnected([...answered.bootstrap])
    models = chosen(models, answered)
    settings = { ...settings, ...answered, models: models.map(wantedEntry), prices: [] }
    const path = await remember(run.file.path, 'provider', toToml(settings, models))
    report('remembered', { path }, `answers kept in ${path}`)
  } else if (!json) {
    for (const line of describe(facts)) console.log(line)
  }
  const country = requireCountry(settings)
  await using daemon = await startProvider(settings, {
    node,
    country,
    models,
    machine,
    access,
    onOnboarding: (url) =>
      report('onboarding', { url }, `finish onboarding for payouts: ${paint('bold', url)}`),
    onLive: (offer) =>
      report('live', { ...offer }, `on the market (evidence level ${offer.evidenceLevel})`),
  })
  reportReady(run, node, daemon, country, models)
  await Promise.race([untilStopped(), daemon.drained])
  report('stopping', {}, 'finishing running answers…')
}

function requireCountry({ country }: Pick<ProviderSettings, 'country'>): string {
  if (country !== undefined) return country
  throw new HanseError(
    'HANSE_CONFIG_INVALID',
    'say where this machine is: --country DE, or HANSE_COUNTRY',
  )
}

/** What others ask, as far as it can be seen at once. */
async function lookAtMarket(
  { network: name, bootstrap }: ProviderSettings,
  { network }: RunningNode,
): Promise<MarketOffer[]> {
  if (bootstrap.length === 0) return []
  const directory = new OfferDirectory({ network, context: { network: name }, now: clock })
  const late = new Promise<readonly []>((resolve) =>
    setTimeout(() => resolve([]), MARKET_MS).unref(),
  )
  const seen = network
    .whenConnected(AbortSignal.timeout(MARKET_MS))
    .then(async () => await directory.browse())
    .catch(() => [])
  return (await Promise.race([seen, late])).flatMap(({ offer }) =>
    offer.provider === network.peerId
      ? []
      : offer.models.map(({ id, ...model }) => ({ ...model, provider: offer.provider, model: id })),
  )
}

function foundOf(
  machine: Machine,
  found: OpenedEngines['found'],
  onlyDemonstration: boolean,
  models: readonly PricedModel[],
): Found {
  return {
    machine,
    onlyDemonstration,
    engines: found.map(({ name, version, url, needsKey }) =>
      [
        name,
        version,
        `at ${url}`,
        needsKey ? '(needs a key: --engine-url, HANSE_ENGINE_API_KEY)' : '',
      ]
        .filter((part) => part != null && part !== '')
        .join(' '),
    ),
    candidates: models.map(({ model, engine, engineModel, why }) => ({
      id: model.id,
      engine: engine.name,
      engineModel,
      prices: model,
      why,
    })),
  }
}

function chosen(models: readonly PricedModel[], { models: ids, prices }: Answered): PricedModel[] {
  return models
    .filter(({ model }) => ids.includes(model.id))
    .map((each) => ({ ...each, model: { ...each.model, ...prices.get(each.model.id) } }))
}

/** As the setting `models` names it. */
function wantedEntry({ model, engineModel }: PricedModel): string {
  return model.id === engineModel ? engineModel : `${model.id}=${engineModel}`
}

function toToml(
  { country, bootstrap, settlementUrl, models }: ProviderSettings,
  priced: readonly PricedModel[],
): Parameters<typeof remember>[2] {
  const bare = (price: OfferedModel['inputPrice']) => formatPrice(price).replace(/ .*$/u, '')
  return {
    country: country ?? '',
    ...(bootstrap.length === 0 ? {} : { bootstrap }),
    ...(settlementUrl === undefined ? {} : { settlement_url: settlementUrl }),
    models,
    prices: priced.map(
      ({ model }) => `${model.id}=${bare(model.inputPrice)}/${bare(model.outputPrice)}`,
    ),
  }
}

function reportReady(
  { report, json }: Run,
  { network }: RunningNode,
  { provider, metricsUrl }: ProviderDaemon,
  country: string,
  models: readonly PricedModel[],
): void {
  report(
    'ready',
    {
      peerId: network.peerId,
      addresses: network.addresses(),
      models: models.map(({ model }) => model.id),
      ...(metricsUrl === undefined ? {} : { metricsUrl }),
    },
    `provider ${network.peerId} in ${country}`,
  )
  if (json) return
  for (const { id, engine, inputPrice, outputPrice } of provider.facts().models) {
    const suggested = models.find(({ model }) => model.id === id)
    const isSuggested =
      suggested?.model.inputPrice === inputPrice && suggested.model.outputPrice === outputPrice
    const price = `in ${formatPrice(inputPrice)}, out ${formatPrice(outputPrice)}`
    console.log(
      `  ${id} (${engine.name})  ${price}  ${paint('dim', isSuggested ? suggested.why : '')}`.trimEnd(),
    )
  }
  if (metricsUrl !== undefined) console.log(`  metrics: ${metricsUrl}/metrics`)
}

function noModels(engines: number, troubles: readonly { readonly error: unknown }[]): string {
  const [first] = troubles
  if (first !== undefined) return `no engine can be asked for its models: ${messageOf(first.error)}`
  return engines === 0 ? 'no engine was found' : 'the engine has no models'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
