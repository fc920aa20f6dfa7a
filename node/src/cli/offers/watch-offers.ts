import { setTimeout as delay } from 'node:timers/promises'
import { HanseError } from '@hanse/protocol'
import { paint, table } from '../output.ts'
import { Screen } from '../top/screen.ts'
import { changesOf, type OfferChange } from './changes.ts'
import {
  type MarketOffers,
  OFFER_HEAD,
  type OfferRow,
  offerCells,
  offerKey,
} from './market-offers.ts'

/** Besides q, Ctrl-C and Ctrl-D, which a raw terminal gives as they are. */
const QUIT = new Set(Buffer.from('qQ\x03\x04'))
const COLOURS = { came: 'green', went: 'red', price: 'yellow', slots: 'blue' } as const
/** The title, an empty line, the head, and one below. */
const FRAME_ROWS = 5

export interface WatchOptions {
  readonly look: (signal: AbortSignal) => Promise<MarketOffers>
  readonly everyMs: number
  readonly json: boolean
}

/** Follows the market until the user has seen enough: a screen at a terminal, a line for each change elsewhere. */
export async function watchOffers(options: WatchOptions): Promise<void> {
  const stop = new AbortController()
  const quit = () => stop.abort()
  process.once('SIGINT', quit)
  process.once('SIGTERM', quit)
  try {
    if (options.json || !process.stdout.isTTY || !process.stdin.isTTY)
      await printChanges(options, stop.signal)
    else await showMarket(options, stop)
  } finally {
    process.off('SIGINT', quit)
    process.off('SIGTERM', quit)
  }
}

async function printChanges(
  { look, everyMs, json }: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  for await (const { changes } of looks(look, everyMs, signal)) {
    for (const { change, offer } of changes) {
      const at = new Date().toISOString()
      if (json) console.log(JSON.stringify({ at, change, ...offer }))
      else console.log([at.slice(11, 19), change.padEnd(5), ...offerCells(offer)].join('  '))
    }
  }
}

async function showMarket({ look, everyMs }: WatchOptions, stop: AbortController): Promise<void> {
  // Before the screen is touched: a gateway that is not there is told on the terminal itself.
  const first = await look(stop.signal)
  using screen = new Screen(process.stdin, process.stdout)
  const onKey = (data: Buffer): void => {
    if (data.some((key) => QUIT.has(key))) stop.abort()
  }
  const onResize = (): void => screen.forget()
  process.stdin.on('data', onKey)
  process.stdout.on('resize', onResize)
  try {
    screen.draw(rowsOf(first, [], screen))
    for await (const { market, changes, fault } of looks(look, everyMs, stop.signal, first)) {
      const told = fault === undefined ? [] : ['', paint('red', `${fault}; trying again`)]
      screen.draw([...rowsOf(market, changes, screen), ...told])
    }
  } finally {
    process.stdin.off('data', onKey)
    process.stdout.off('resize', onResize)
  }
}

function rowsOf(
  { network, policy, candidates, excluded }: MarketOffers,
  changes: readonly OfferChange[],
  { rows }: Pick<Screen, 'rows'>,
): string[] {
  const where = policy.allow.length === 0 ? 'anywhere' : policy.allow.join(', ')
  const changed = new Map(changes.map(({ change, offer }) => [offerKey(offer), change]))
  const [head = '', ...lines] = table([OFFER_HEAD, ...candidates.map(offerCells)]).split('\n')
  const room = Math.max(1, rows - FRAME_ROWS)
  const painted = lines.slice(0, room).map((line, i) => {
    const change = changed.get(offerKey(candidates[i] as OfferRow))
    return change === undefined ? line : paint(COLOURS[change], line)
  })
  const hidden = lines.length - painted.length
  const title = `${network}: ${candidates.length} offers in ${where}, ${excluded.length} excluded — q quits`
  return [
    paint('bold', title),
    '',
    paint('dim', head),
    ...painted,
    ...(hidden > 0 ? [paint('dim', `… and ${hidden} more`)] : []),
  ]
}

interface Look {
  readonly market: MarketOffers
  readonly changes: readonly OfferChange[]
  readonly fault: string | undefined
}

/** One look after the other. A gateway that goes away is asked again; one that never answered is a fault. */
async function* looks(
  look: WatchOptions['look'],
  everyMs: number,
  signal: AbortSignal,
  first?: MarketOffers,
): AsyncGenerator<Look> {
  let market = first
  while (!signal.aborted) {
    if (market !== undefined) await delay(everyMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    try {
      const next = await look(signal)
      const changes = changesOf(market, next)
      market = next
      yield { market, changes, fault: undefined }
    } catch (error) {
      if (signal.aborted) return
      if (market === undefined || !(error instanceof HanseError)) throw error
      yield { market, changes: [], fault: error.message }
    }
  }
}
