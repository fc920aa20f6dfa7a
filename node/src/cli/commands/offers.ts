import type { Command } from 'commander'
import { clientSettings } from '../../config/schemas.ts'
import { usage } from '../log-options.ts'
import { type MarketOffers, marketOffers, OFFER_HEAD, offerCells } from '../offers/market-offers.ts'
import { watchOffers } from '../offers/watch-offers.ts'
import { paint, table } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

const WATCH_SECONDS = 2

export function offersCommand(): Command {
  return settingsCommand(
    'offers',
    'List the offers that the gateway sees, and why some are excluded.',
    clientSettings,
    async (settings, _args, flags) => {
      const filter = { model: textOf(flags.model), country: textOf(flags.country) }
      if (flags.watch === true) {
        const look = async (signal: AbortSignal) => await marketOffers(settings, filter, signal)
        const everyMs = intervalOf(flags.interval)
        process.exitCode = await watchOffers({ look, everyMs, json: flags.json === true })
        return
      }
      const market = await marketOffers(settings, filter)
      if (flags.json === true) console.log(JSON.stringify(market))
      else print(market)
    },
  )
    .option('--model <part>', 'only of models with this in their name')
    .option('--country <code>', 'only of this country')
    .option('-w, --watch', 'follow the market: a live list at a terminal, changes elsewhere')
    .option('--interval <seconds>', `time between two looks (default: ${WATCH_SECONDS})`)
    .option('--json', 'print JSON; with --watch an object a line for each change')
}

function print({ network, policy, candidates, excluded }: MarketOffers): void {
  const where = policy.allow.length === 0 ? 'anywhere' : policy.allow.join(', ')
  console.log(`network ${network}; policy: ${where}, evidence level ${policy.minLevel} or more\n`)
  if (candidates.length + excluded.length === 0) {
    console.log('No offers. Is a provider running, and does it share a relay with this gateway?')
    return
  }
  console.log(paint('bold', `${candidates.length} to choose from`))
  if (candidates.length > 0) console.log(table([OFFER_HEAD, ...candidates.map(offerCells)]))
  if (excluded.length === 0) return
  console.log(`\n${paint('bold', `${excluded.length} excluded`)}`)
  for (const offer of excluded) {
    console.log(paint('dim', offerCells(offer).join('  ')))
    for (const { code, message, change } of offer.reasons) {
      console.log(`  ${paint('yellow', code)}: ${message} — to change it: ${change}`)
    }
  }
}

function textOf(flag: unknown): string | undefined {
  return typeof flag === 'string' ? flag : undefined
}

function intervalOf(given: unknown): number {
  const seconds = given === undefined ? WATCH_SECONDS : Number(given)
  if (!(seconds >= 0.2 && seconds <= 3600)) throw usage('--interval: seconds from 0.2 to 3600')
  return seconds * 1000
}
