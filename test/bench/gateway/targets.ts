import type { SideFigure } from '../sides.ts'
import { spreadOf } from '../statistics.ts'
import type { SideName } from './rig.ts'

/** What was promised, and what was measured. */
export interface Outcome {
  readonly title: string
  readonly unit: string
  readonly value: number
  /** At most for what is better lower, at least for what is better higher. */
  readonly limit: number
  readonly better: 'higher' | 'lower'
  readonly met: boolean
}

type Figures = readonly SideFigure[]

const OURS: SideName = 'hanse'

/** Every promise of which this run has the figures. */
export function outcomes(figures: Figures): Outcome[] {
  return [...promised(figures), ...against(figures, 'portkey')].filter(
    (outcome) => outcome !== undefined,
  )
}

function promised(figures: Figures): (Outcome | undefined)[] {
  const first = figureOf(figures, 'first-token-p50')
  return [
    outcome('CPU per token', 'µs', median(figures, 'cpu-per-token'), 16, 'lower'),
    outcome('CPU per token, over two pipes', '×', overPipes(figures, 'cpu-per-token'), 2, 'lower'),
    outcome('added to the first token, p50', 'ms', between(first, 'direct', subtract), 3, 'lower'),
    outcome('64 streams', 'tokens/s', median(figures, 'tokens-per-second-64'), 80_000, 'higher'),
    outcome(
      '64 streams, over two pipes',
      '×',
      overPipes(figures, 'tokens-per-second-64'),
      0.5,
      'higher',
    ),
    outcome(
      'short completions',
      'requests/s',
      median(figures, 'requests-per-second'),
      1_000,
      'higher',
    ),
    outcome('cancel, streamed, p95', 'ms', median(figures, 'cancel-streamed-p95'), 10, 'lower'),
    outcome('cancel, not streamed, p95', 'ms', median(figures, 'cancel-whole-p95'), 10, 'lower'),
    outcome(
      'gateway and provider, resident',
      'MB',
      figureOf(figures, 'memory')?.sides[OURS]?.max,
      250,
      'lower',
    ),
  ]
}

/** On every line ahead of another gateway. */
function against(figures: Figures, other: SideName): (Outcome | undefined)[] {
  return figures.map(({ title, unit, better, sides }) =>
    outcome(`ahead of ${other}: ${title}`, unit, sides[OURS]?.median, sides[other]?.median, better),
  )
}

function outcome(
  title: string,
  unit: string,
  value: number | undefined,
  limit: number | undefined,
  better: 'higher' | 'lower',
): Outcome | undefined {
  if (value === undefined || limit === undefined) return undefined
  const met = better === 'lower' ? value <= limit : value >= limit
  return { title, unit, value, limit, better, met }
}

function median(figures: Figures, id: string): number | undefined {
  return figureOf(figures, id)?.sides[OURS]?.median
}

function overPipes(figures: Figures, id: string): number | undefined {
  return between(figureOf(figures, id), 'pipes', divide)
}

/** Ours against another side, round by round. */
export function between(
  figure: SideFigure | undefined,
  other: SideName,
  compare: (ours: number, theirs: number) => number,
): number | undefined {
  const [ours, theirs] = [figure?.sides[OURS]?.rounds, figure?.sides[other]?.rounds]
  if (ours === undefined || theirs === undefined) return undefined
  return spreadOf(ours.map((value, i) => compare(value, theirs[i] ?? Number.NaN))).median
}

export const divide = (ours: number, theirs: number): number => ours / theirs
export const subtract = (ours: number, theirs: number): number => ours - theirs

function figureOf(figures: Figures, id: string): SideFigure | undefined {
  return figures.find((figure) => figure.id === id)
}
