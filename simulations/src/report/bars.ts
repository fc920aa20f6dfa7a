import { ceiling, escapeText, FRAME, HEIGHT, LEGEND_LINE, round, short, WIDTH } from './plot.ts'
import type { Estimate } from './statistics.ts'

/** Bars of one colour, one for each category in the order of the categories. */
export interface Series {
  readonly name: string
  readonly values: readonly Estimate[]
}

export interface BarOptions {
  readonly title: string
  readonly up: string
  readonly categories: readonly string[]
  readonly series: readonly Series[]
  /** Values are shares: the axis goes from 0 to 100 %. */
  readonly isShare?: boolean
}

const LEVELS = 4
/** Of the place of a category, so much is bars. */
const FILLED = 0.72

/** Grouped bars with 95 % intervals, as inline SVG in the page's colours. */
export function bars({ title, up, categories, series, isShare = false }: BarOptions): string {
  const all = series.flatMap(({ values }) => values)
  const highest = isShare ? 1 : Math.max(0, ...all.map(({ mean, off }) => mean + finite(off)))
  // What is not below zero itself is drawn from zero up, however far it may be off.
  const below = all.filter(({ mean }) => mean < 0)
  const lowest = isShare ? 0 : Math.min(0, ...below.map(({ mean, off }) => mean - finite(off)))
  const step = ceiling((highest - lowest) / LEVELS)
  const most = Math.max(1, Math.ceil(highest / step)) * step
  const least = Math.floor(lowest / step) * step
  const inner = {
    width: WIDTH - FRAME.left - FRAME.right,
    height: HEIGHT - FRAME.top - FRAME.bottom,
  }
  const y = (value: number) => round(FRAME.top + ((most - value) / (most - least)) * inner.height)
  const place = inner.width / categories.length
  const wide = (place * FILLED) / series.length
  const left = (category: number, i: number) =>
    FRAME.left + place * category + (place * (1 - FILLED)) / 2 + wide * i
  const levels = Array.from(
    { length: Math.round((most - least) / step) + 1 },
    (_, i) => least + step * i,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT + series.length * LEGEND_LINE}" role="img" aria-label="${escapeText(title)}">
<text class="title" x="${FRAME.left}" y="18">${escapeText(title)}</text>
${levels.map((level) => `<line class="level" x1="${FRAME.left}" x2="${WIDTH - FRAME.right}" y1="${y(level)}" y2="${y(level)}"/><text x="${FRAME.left - 6}" y="${y(level) + 4}" text-anchor="end">${isShare ? `${level * 100} %` : signed(level)}</text>`).join('\n')}
${series.map(({ values }, i) => values.map(({ mean, off }, category) => `<rect class="dot c${i % 6}" x="${round(left(category, i))}" y="${Math.min(y(mean), y(0))}" width="${round(wide - 1)}" height="${round(Math.abs(y(mean) - y(0)))}"/>${off > 0 && Number.isFinite(off) ? `<line class="whisker" x1="${round(left(category, i) + wide / 2)}" x2="${round(left(category, i) + wide / 2)}" y1="${y(Math.min(most, mean + off))}" y2="${y(Math.max(least, mean - off))}"/>` : ''}`).join('')).join('\n')}
${categories.map((name, category) => `<text x="${round(FRAME.left + place * (category + 0.5))}" y="${y(least) + 16}" text-anchor="middle">${escapeText(name)}</text>`).join('\n')}
<text x="${FRAME.left + inner.width / 2}" y="${y(least) + 34}" text-anchor="middle">up: ${escapeText(up)}</text>
${series.map(({ name }, i) => `<rect class="dot c${i % 6}" x="${FRAME.left}" y="${HEIGHT + i * LEGEND_LINE - 6}" width="28" height="10"/><text x="${FRAME.left + 36}" y="${HEIGHT + i * LEGEND_LINE + 4}">${escapeText(name)}</text>`).join('\n')}
</svg>`
}

const finite = (off: number): number => (Number.isFinite(off) ? off : 0)

function signed(value: number): string {
  return value < 0 ? `−${short(-value)}` : short(value)
}
