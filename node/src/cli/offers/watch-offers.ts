import { setTimeout as delay } from 'node:timers/promises'
import { HanseError } from '@hanse/protocol'
import { EXIT_INTERRUPTED, paint, table } from '../output.ts'
import { Screen } from '../top/screen.ts'
import { changesOf, type OfferChange } from './changes.ts'
import {
  type MarketOffers,
  OFFER_HEAD,
  type OfferRow,
  offerCells,
  offerKey,
} from './market-offers.ts'

/** Ctrl-C and Ctrl-D come as they are from a raw terminal. */
const QUIT = new Set(Buffer.from('qQ\x04'))
const INTERRUPT = 0x03
const EXIT_TERMINATED = 143
const COLOURS = { came: 'green', went: 'red', price: 'yellow', slots: 'blue' } as const
/** For who sees no colours. */
const MARKS = { came: '+', went: '-', price: '*', slots: '·' } as const
/** The title, an empty line, the head, and one below. */
const FRAME_ROWS = 5

export interface WatchOptions {
  readonly look: (signal: AbortSignal) => Promise<MarketOffers>
  readonly everyMs: number
  readonly json: boolean
}

/**
 * Follows the market until the user has seen enough: a screen at a terminal, a line for each change elsewhere.
 *
 * @returns the exit code: 0 for who quits, as shells have it for who interrupts
 */
export async function watchOffers(options: WatchOptions): Promise<number> {
  const stop = new AbortController()
  let exitCode = 0
  const quit = (code: number) => {
    exitCode = code
    stop.abort()
  }
  const onInterrupt = () => quit(EXIT_INTERRUPTED)
  const onTerminate = () => quit(EXIT_TERMINATED)
  process.once('SIGINT', onInterrupt)
  process.once('SIGTERM', onTerminate)
  try {
    if (options.json || !process.stdout.isTTY || !process.stdin.isTTY)
      await printChanges(options, stop.signal)
    else await showMarket(options, stop.signal, quit)
  } finally {
    process.off('SIGINT', onInterrupt)
    process.off('SIGTERM', onTerminate)
  }
  return exitCode
}

async function printChanges(
  { look, everyMs, json }: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  let told: string | undefined
  for await (const { changes, fault } of looks(look, everyMs, signal)) {
    if (fault !== undefined && fault !== told) process.stderr.write(`${fault}; trying again\n`)
    told = fault
    for (const { change, offer } of changes) {
      const at = new Date().toISOString()
      if (json) console.log(JSON.stringify({ at, change, ...offer }))
      else console.log([at.slice(11, 19), change.padEnd(5), ...offerCells(offer)].join('  '))
    }
  }
}

async function showMarket(
  { look, everyMs }: WatchOptions,
  signal: AbortSignal,
  quit: (exitCode: number) => void,
): Promise<void> {
  // Before the screen is touched: a gateway that is not there is told on the terminal itself.
  const first = await look(signal)
  using screen = new Screen(process.stdin, process.stdout)
  const onKey = (data: Buffer): void => {
    if (data.includes(INTERRUPT)) quit(EXIT_INTERRUPTED)
    else if (data.some((key) => QUIT.has(key))) quit(0)
  }
  let draw = (): void => screen.draw(rowsOf(first, [], screen))
  const onResize = (): void => {
    screen.forget()
    draw()
  }
  process.stdin.on('data', onKey)
  process.stdout.on('resize', onResize)
  try {
    draw()
    for await (const { market, changes, fault } of looks(look, everyMs, signal, first)) {
      const told = fault === undefined ? [] : ['', paint('red', `${fault}; trying again`)]
      draw = () => screen.draw([...rowsOf(market, changes, screen), ...told])
      draw()
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
  // What has gone is shown once more, so that it is seen to go.
  const gone = changes.filter(({ change }) => change === 'went').map(({ offer }) => offer)
  const shown = [...candidates, ...gone]
  const [head = '', ...lines] = table([OFFER_HEAD, ...shown.map(offerCells)]).split('\n')
  const room = Math.max(1, rows - FRAME_ROWS)
  const painted = lines.slice(0, room).map((line, i) => {
    const change = changed.get(offerKey(shown[i] as OfferRow))
    return change === undefined ? `  ${line}` : paint(COLOURS[change], `${MARKS[change]} ${line}`)
  })
  const hidden = lines.length - painted.length
  const title = `${network}: ${candidates.length} offers in ${where}, ${excluded.length} excluded — q quits`
  return [
    paint('bold', title),
    '',
    paint('dim', `  ${head}`),
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
