import { formatEuro, formatPrice } from '@hanse/protocol'
import type { ProviderStatus } from '../../provider/status.ts'
import { prettyLine } from '../pretty-line.ts'
import { gib, percent, spanOf, tail, unit } from '../status-text.ts'
import { pad, padLeft } from '../terminal-text.ts'
import { bar, lineOf, type Span, sparkline } from './spans.ts'
import type { TopHistory } from './top-history.ts'

export interface TopView {
  readonly columns: number
  readonly rows: number
  readonly colours: boolean
  /** The pane that gets its rows first. */
  readonly pane?: Pane
  /** In place of the keys, such as a question. */
  readonly notice?: string
}

/** In the order in which they get rows. */
export const PANES = ['models', 'gpus', 'sessions', 'codes', 'log'] as const
export type Pane = (typeof PANES)[number]

/** In the order in which they stand. */
const ORDER: readonly Pane[] = ['gpus', 'models', 'sessions', 'codes', 'log']

interface Section {
  readonly pane: Pane
  readonly head: readonly Span[]
  readonly body: readonly (readonly Span[])[]
  /** Whether the last lines are the ones to show. */
  readonly newestLast: boolean
}

/** The whole screen of a dashboard: `rows` lines at most, none wider than `columns`. */
export function renderTop(history: TopHistory, view: TopView): string[] {
  const { columns, rows, colours, pane } = view
  const { status } = history
  const head = headOf(history, view)
  const sections = status === undefined ? [] : sectionsOf(status, history, rows)
  const shares = shareRows(sections, Math.max(0, rows - head.length - 1), pane)
  const middle = ORDER.flatMap((name) => {
    const section = sections.find((each) => each.pane === name)
    const share = shares.get(name) ?? 0
    if (section === undefined || share === 0) return []
    const { body, newestLast } = section
    const shown = newestLast ? body.slice(body.length - (share - 1)) : body.slice(0, share - 1)
    const title = section.head.map(
      ([text, colour], i): Span => [text, i === 0 && name === pane ? 'blue' : colour],
    )
    return [title, ...shown]
  })
  const blank = Array.from(
    { length: Math.max(0, rows - head.length - 1 - middle.length) },
    () => [],
  )
  return [...head, ...middle, ...blank, footOf(view)]
    .slice(0, rows)
    .map((spans) => lineOf(spans, columns, colours))
}

function headOf({ status, rates, fault }: TopHistory, { columns }: TopView): Span[][] {
  if (status === undefined) return [[['hanse provider', 'bold']], [[fault ?? 'connecting …']]]
  const { state, pausedBy, now, startedAt, country, reachability, connections, totals } = status
  const why = state === 'paused' && pausedBy.length > 0 ? `: ${pausedBy.join('; ')}` : ''
  const rate = `${totals.tokensPerSecond.toFixed(1)} tok/s `
  const earned = `  ${formatEuro(totals.earned)} earned`
  return [
    [
      ['hanse provider ', 'bold'],
      [state, state === 'serving' ? 'green' : 'yellow'],
      [why, 'yellow'],
      [`  up ${spanOf(now - startedAt)}  ${country}  ${connections} peers  `],
      [reachability, reachability === 'unreachable' ? 'red' : 'dim'],
      [`  ${tail(status.peerId)}`, 'dim'],
    ],
    fault === undefined
      ? [
          [rate, 'bold'],
          [sparkline(rates, Math.min(60, columns - rate.length - earned.length)), 'green'],
          [earned],
        ]
      : [[fault, 'red']],
    [
      [`${totals.sessions} sessions, ${totals.completed} whole  `],
      [
        status.live === undefined ? 'not on the market' : 'on the market',
        status.live === undefined ? 'yellow' : 'green',
      ],
      ...(status.settlement === undefined
        ? []
        : [[`  ${status.settlement.unsettled} receipts unsettled`] as const]),
    ],
  ]
}

function footOf({ notice }: TopView): Span[] {
  if (notice !== undefined) return [[notice, 'yellow']]
  return [
    ['q', 'bold'],
    [' quit  '],
    ['p', 'bold'],
    [' pause  '],
    ['r', 'bold'],
    [' resume  '],
    ['d', 'bold'],
    [' drain  '],
    ['tab', 'bold'],
    [' pane'],
  ]
}

function sectionsOf(status: ProviderStatus, { lines }: TopHistory, rows: number): Section[] {
  const { machine, models, sessions, totals } = status
  const title = (pane: Pane, text: string, body: readonly (readonly Span[])[]): Section => ({
    pane,
    head: [[text, 'bold']],
    body,
    newestLast: pane === 'log',
  })
  const codes = [
    ...Object.entries(totals.rejected).map(([code, n]) => ['turned away', code, n] as const),
    ...Object.entries(totals.failed).map(([code, n]) => ['broken off', code, n] as const),
  ].toSorted(([, , a], [, , b]) => b - a)
  return [
    title(
      'gpus',
      'GPUs',
      machine.gpus.map((gpu) => gpuLine(status, gpu)),
    ),
    title('models', 'Models', models.map(modelLine)),
    title(
      'sessions',
      `Sessions (${sessions.length})`,
      sessions.slice(0, rows).map((each) => sessionLine(each, status.now)),
    ),
    title(
      'codes',
      'Not served',
      codes.map(([what, code, n]) => [
        [`${padLeft(String(n), 6)} `, 'yellow'],
        [`${pad(what, 11)} ${code}`],
      ]),
    ),
    title(
      'log',
      'Log',
      lines.slice(-rows).map((line) => [[prettyLine(line, (_colour, text) => text).slice(11)]]),
    ),
  ].filter(({ body }) => body.length > 0)
}

function gpuLine(
  { gpus }: ProviderStatus,
  { id, name, vramBytes }: ProviderStatus['machine']['gpus'][number],
): Span[] {
  const reading = gpus.find((each) => each.id === id)
  const load = reading?.utilization ?? null
  const used = reading?.vramUsedBytes ?? null
  const heat = reading?.temperatureCelsius ?? null
  return [
    [`${pad(id, 9)} `],
    [bar(load, 10), load !== null && load > 0.9 ? 'yellow' : 'green'],
    [` ${padLeft(percent(load), 5)}  `],
    [bar(used === null || vramBytes === 0 ? null : used / vramBytes, 8), 'blue'],
    [` ${padLeft(gib(used), 4)}/${gib(vramBytes)} GiB  `],
    [unit(heat, '°C'), heat !== null && heat >= 85 ? 'red' : undefined],
    [`  ${unit(reading?.powerWatts, 'W')}  `],
    [name, 'dim'],
  ]
}

function modelLine(model: ProviderStatus['models'][number]): Span[] {
  const { id, slots, busy, queued, tokensPerSecond, inputPrice, outputPrice, state } = model
  return [
    [`${pad(id, 28)} `],
    [bar(slots === 0 ? null : busy / slots, 6), 'green'],
    [` ${busy}/${slots}`],
    [queued > 0 ? ` +${queued}` : '', 'yellow'],
    [`  ${tokensPerSecond === null ? '-' : tokensPerSecond.toFixed(1)} tok/s  `],
    [state, state === 'failed' ? 'red' : 'dim'],
    [`  ${formatPrice(inputPrice)} in, ${formatPrice(outputPrice)} out`, 'dim'],
  ]
}

function sessionLine(session: ProviderStatus['sessions'][number], now: number): Span[] {
  return [
    [`${pad(tail(session.session), 10)} `],
    [pad(session.phase, 10), session.phase === 'queued' ? 'yellow' : 'green'],
    [padLeft(spanOf(now - session.startedAt), 8)],
    [`${padLeft(String(session.outputTokens), 7)} tokens  ${session.model}  `],
    [tail(session.consumer), 'dim'],
  ]
}

/** Rows of each pane with its title: first one line for each, then all of the chosen one, then of the others in turn. */
function shareRows(
  sections: readonly Section[],
  rows: number,
  chosen: Pane | undefined,
): ReadonlyMap<Pane, number> {
  const shares = new Map<Pane, number>()
  let left = rows
  const priority = PANES.toSorted((a, b) => Number(b === chosen) - Number(a === chosen))
  const inTurn = priority.flatMap((pane) => sections.filter((section) => section.pane === pane))
  for (const { pane } of inTurn) {
    if (left < 2) break
    shares.set(pane, 2)
    left -= 2
  }
  for (const { pane, body } of inTurn) {
    const share = shares.get(pane)
    if (share === undefined) continue
    const more = Math.min(left, body.length + 1 - share)
    shares.set(pane, share + more)
    left -= more
  }
  return shares
}
