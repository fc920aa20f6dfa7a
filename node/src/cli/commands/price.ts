import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { formatPrice, type PicoEuro, type Prices, picoEuro } from '@hanse/protocol'
import { Command } from 'commander'
import { z } from 'zod'
import { pricingGroup } from '../../config/groups/pricing.ts'
import { scheduleGroup } from '../../config/groups/schedule.ts'
import * as kinds from '../../config/kinds.ts'
import { clientSettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { clock } from '../../daemon/running.ts'
import { loadOrCreateIdentity, peerIdOf } from '../../network/identity-file.ts'
import { WallClock } from '../../provider/availability/index.ts'
import { VALID_MS } from '../../provider/offer-book.ts'
import {
  type Advice,
  advise,
  electricityFloor,
  type ModelMarket,
  type OwnModel,
  REFERENCE_MACHINE,
  suggestPrices,
  summarizeMarket,
  Tariff,
} from '../../provider/pricing/index.ts'
import { platformFee } from '../../settlement/platform-fee.ts'
import { askGatewayJson } from '../gateway-client.ts'
import { shareText } from '../money/money-text.ts'
import { bigints, paint, table } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

export const priceAdviseSettings = {
  ...clientSettings,
  dataDir: kinds.folder({
    description: 'data folder of the provider whose offers are one’s own',
    fallback: '.hanse/node',
  }),
  provider: kinds.peerIds({
    description: 'peer ids of other providers of one’s own',
    fallback: [],
  }),
  model: kinds.list({
    description: 'models that one thinks of offering, by their names on the market',
    placeholder: '<model,…>',
    fallback: [],
  }),
  electricityPrice: pricingGroup.electricityPrice,
  watts: kinds.optionalInteger({
    description: 'power that the machine draws while it answers',
    min: 1,
    max: 100_000,
  }),
  tokensPerSecond: kinds.optionalInteger({
    description: 'output of all answers of a model together; what its offer says when not given',
    min: 1,
    max: 1_000_000,
  }),
  marginPercent: pricingGroup.marginPercent,
  timeZone: scheduleGroup.timeZone,
  settlementUrl: kinds.optionalUrl({
    description: 'settlement service that pays this provider: what it keeps is counted',
  }),
} as const

type AdviseSettings = Settings<typeof priceAdviseSettings>

const amount = z
  .string()
  .regex(/^\d{1,19}$/u)
  .transform((text) => picoEuro(BigInt(text)))
const row = z.object({
  provider: z.string(),
  model: z.string(),
  inputPrice: amount,
  outputPrice: amount,
  slots: z.number(),
  freeSlots: z.number(),
  tokensPerSecond: z.number().nullish(),
})
type Row = z.output<typeof row>
/** As `hanse offers` shows them: what this gateway’s policy excludes is on the market for others. */
const answer = z.object({
  network: z.string(),
  candidates: z.array(row),
  excluded: z.array(row.extend({ reasons: z.array(z.object({ code: z.string() })) })),
})

export function priceCommand(): Command {
  return new Command('price')
    .description('What models cost on the market, and what to ask for one’s own.')
    .showHelpAfterError('(add --help for usage)')
    .addCommand(adviseCommand().exitOverride().showHelpAfterError('(add --help for usage)'))
}

function adviseCommand(): Command {
  return settingsCommand(
    'advise',
    'Compare prices of one’s own models with the market and with the electricity.',
    priceAdviseSettings,
    async (settings, _args, flags) => {
      const { network, candidates, excluded } = await askGatewayJson(
        settings,
        '/hanse/v1/offers',
        answer,
      )
      const onSale = excluded.filter(({ reasons }) =>
        reasons.every(({ code }) => code !== 'expired'),
      )
      // An offer without slots is one that is being withdrawn.
      const offers = [...candidates, ...onSale].filter(({ slots }) => slots > 0)
      const mine = await ownPeer(settings.dataDir)
      const { settlementUrl } = settings
      const feeBps = settlementUrl === undefined ? 0 : await platformFee(settlementUrl, mine[0])
      const own = new Set([...settings.provider, ...mine])
      const market = summarizeMarket(offers)
      const advice = adviceFor({ ...settings, feeBps }, offers, own)
      if (flags.json === true)
        console.log(JSON.stringify({ network, market, own: advice, feeBps }, bigints))
      else print({ network, market, advice, feeBps })
    },
  ).option('--json', 'print as JSON')
}

interface OwnAdvice extends Advice {
  readonly asked: Prices | undefined
  readonly floor: Prices | undefined
}

interface Costs extends AdviseSettings {
  /** What settlement keeps of the price, basis points. */
  readonly feeBps: number
}

function adviceFor(settings: Costs, offers: readonly Row[], own: ReadonlySet<string>): OwnAdvice[] {
  const others = offers.filter(({ provider }) => !own.has(provider))
  const mine = offers.filter(({ provider }) => own.has(provider))
  const thought = settings.model.filter((name) => mine.every(({ model }) => model !== name))
  const asked = [
    ...mine.map((offer) => ({ model: offer.model, offer })),
    ...thought.map((model) => ({ model, offer: undefined })),
  ]
  return asked.map(({ model, offer }) => {
    const prices = offer && { inputPrice: offer.inputPrice, outputPrice: offer.outputPrice }
    const suggested = suggestPrices(
      { id: model, parameters: null, sizeBytes: null, quantization: null },
      others,
      { ...REFERENCE_MACHINE, feeBps: settings.feeBps },
    )
    const floor = floorOf(settings, offer?.tokensPerSecond ?? undefined, prices ?? suggested)
    const judged = advise({ model, prices, floor } satisfies OwnModel, others)
    if (judged.prices !== undefined) return { ...judged, asked: prices, floor }
    const { inputPrice, outputPrice, reason } = suggested
    const reasons = [...judged.reasons, reason]
    return { ...judged, prices: { inputPrice, outputPrice }, reasons, asked: prices, floor }
  })
}

function floorOf(
  { electricityPrice, watts, tokensPerSecond, marginPercent, timeZone, feeBps }: Costs,
  measured: number | undefined,
  base: Prices,
): Prices | undefined {
  const outputTokensPerSecond = tokensPerSecond ?? measured
  if (electricityPrice === undefined || watts === undefined || outputTokensPerSecond === undefined)
    return undefined
  const tariff = new Tariff(electricityPrice, new WallClock(timeZone))
  const perKwh = tariff.dearest(clock(), VALID_MS)
  return electricityFloor(
    {
      perKwh,
      watts,
      marginPercent,
      feeBps,
      outputTokensPerSecond,
      inputTokensPerSecond: undefined,
    },
    base,
  )
}

/** The provider of this data folder, if there ever was one: nothing is created. */
async function ownPeer(dataDir: string): Promise<string[]> {
  const path = join(dataDir, 'identity.key')
  return existsSync(path) ? [peerIdOf(await loadOrCreateIdentity(path))] : []
}

interface Findings {
  readonly network: string
  readonly market: readonly ModelMarket[]
  readonly advice: readonly OwnAdvice[]
  readonly feeBps: number
}

function print({ network, market, advice, feeBps }: Findings): void {
  console.log(`network ${network}; EUR per million tokens, lowest / median / highest\n`)
  if (market.length === 0) {
    console.log('No offers. Is a provider running, and does it share a relay with this gateway?')
  } else {
    const head = ['MODEL', 'OFFERS', 'IN', 'OUT', 'FREE']
    const rows = market.map(({ model, offers, input, output, freeSlots, slots }) => [
      model,
      String(offers),
      [input.min, input.median, input.max].map(short).join(' / '),
      [output.min, output.median, output.max].map(short).join(' / '),
      `${freeSlots}/${slots}`,
    ])
    console.log(table([head, ...rows]))
  }
  for (const { model, action, asked, floor, prices, cheaper, dearer, reasons } of advice) {
    console.log(`\n${paint('bold', model)}`)
    if (asked !== undefined) {
      console.log(`  asked        ${pair(asked)}; ${cheaper} others ask less, ${dearer} more`)
    }
    const fee = feeBps === 0 ? '' : `, of which ${shareText(feeBps)} are the platform’s`
    console.log(
      `  electricity  ${floor === undefined ? 'unknown: give --electricity-price, --watts and --tokens-per-second' : `${pair(floor)} at least${fee}`}`,
    )
    const what = prices === undefined ? action : `${action}: ${pair(prices)}`
    console.log(`  advice       ${paint(action === 'keep' ? 'green' : 'yellow', what)}`)
    for (const reason of reasons) console.log(`               ${reason}`)
  }
  if (advice.length === 0) {
    console.log('\nNo offers of your own are among them: name a model with --model for advice.')
  }
}

function pair({ inputPrice, outputPrice }: Prices): string {
  return `in ${formatPrice(inputPrice)}, out ${formatPrice(outputPrice)}`
}

function short(price: PicoEuro): string {
  return formatPrice(price).replace(' EUR/Mtok', '')
}
