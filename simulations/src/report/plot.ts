/** A curve: its name, and points of a horizontal and a vertical value, and how far that may be off. */
export interface Curve {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number, off?: number])[]
  readonly isDashed?: boolean
}

export interface PlotOptions {
  readonly title: string
  readonly across: string
  readonly up: string
  readonly curves: readonly Curve[]
  readonly isLogarithmic?: boolean
  /** Vertical values are shares: the axis goes from 0 to 100 %. */
  readonly isShare?: boolean
}

export const WIDTH = 640
export const HEIGHT = 300
export const FRAME = { left: 64, right: 16, top: 34, bottom: 44 }
const INNER = { width: WIDTH - FRAME.left - FRAME.right, height: HEIGHT - FRAME.top - FRAME.bottom }
export const LEGEND_LINE = 20
const LEVELS = 4
const LABELS_MAX = 13

/** A plot as inline SVG. Colours are classes of the page's style, which has them for light and for dark. */
export function plot(options: PlotOptions): string {
  const { title, across, up, curves, isShare = false } = options
  const xs = [...new Set(curves.flatMap(({ points }) => points.map(([x]) => x)))].sort(
    (a, b) => a - b,
  )
  const most = isShare
    ? 1
    : ceiling(Math.max(...curves.flatMap(({ points }) => points.map(([, y, off = 0]) => y + off))))
  const place = scaleOf(xs, options.isLogarithmic === true)
  const x = (value: number) => round(FRAME.left + place(value) * INNER.width)
  const y = (value: number) => round(FRAME.top + (1 - value / most) * INNER.height)
  const height = HEIGHT + curves.length * LEGEND_LINE
  const levels = Array.from({ length: LEVELS + 1 }, (_, i) => (most * i) / LEVELS)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeText(title)}">
<text class="title" x="${FRAME.left}" y="18">${escapeText(title)}</text>
${levels.map((level) => `<line class="level" x1="${FRAME.left}" x2="${WIDTH - FRAME.right}" y1="${y(level)}" y2="${y(level)}"/><text x="${FRAME.left - 6}" y="${y(level) + 4}" text-anchor="end">${isShare ? `${level * 100} %` : short(level)}</text>`).join('\n')}
${labelled(xs)
  .map(
    (value) => `<text x="${x(value)}" y="${y(0) + 16}" text-anchor="middle">${short(value)}</text>`,
  )
  .join('\n')}
<text x="${FRAME.left + INNER.width / 2}" y="${y(0) + 34}" text-anchor="middle">${escapeText(across)} (up: ${escapeText(up)})</text>
${curves.map((curve, i) => drawn(curve, { i, x, y, most })).join('\n')}
</svg>`
}

function drawn(
  { name, points, isDashed = false }: Curve,
  {
    i,
    x,
    y,
    most,
  }: {
    i: number
    x: (value: number) => number
    y: (value: number) => number
    most: number
  },
): string {
  const style = `class="curve c${i % 6}"${isDashed ? ' stroke-dasharray="6 4"' : ''}`
  const line = points.map(([a, b]) => `${x(a)},${y(b)}`).join(' ')
  const top = HEIGHT + i * LEGEND_LINE
  const bars = points.flatMap(([a, b, off = 0]) =>
    off > 0 ? [whisker(i, x(a), y(Math.max(0, b - off)), y(Math.min(most, b + off)))] : [],
  )
  return `<polyline ${style} points="${line}"/>${bars.join('')}${points.map(([a, b]) => `<circle class="dot c${i % 6}" cx="${x(a)}" cy="${y(b)}" r="3"/>`).join('')}
<line ${style} x1="${FRAME.left}" x2="${FRAME.left + 28}" y1="${top}" y2="${top}"/><text x="${FRAME.left + 36}" y="${top + 4}">${escapeText(name)}</text>`
}

/** From the least to the most that a value may be. */
export const whisker = (i: number, x: number, from: number, to: number): string =>
  `<line class="curve thin c${i % 6}" x1="${x}" x2="${x}" y1="${from}" y2="${to}"/>`

/** No more than fit beside each other, evenly. */
function labelled(xs: readonly number[]): readonly number[] {
  const every = Math.ceil(xs.length / LABELS_MAX)
  return xs.filter((_, i) => i % every === 0)
}

function scaleOf(xs: readonly number[], isLogarithmic: boolean): (value: number) => number {
  const of = (value: number) => (isLogarithmic ? Math.log10(value) : value)
  const from = of(xs[0] ?? 1)
  const span = of(xs.at(-1) ?? 1) - from
  return (value) => (span === 0 ? 0.5 : (of(value) - from) / span)
}

/** The next of 1, 2, 2.5, 5 times a power of ten. */
export function ceiling(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= value) ?? 10) * power
}

export function short(value: number): string {
  if (value >= 1e6) return `${round(value / 1e6)} M`
  if (value >= 1e3) return `${round(value / 1e3)} k`
  return String(round(value))
}

export const round = (value: number): number => Math.round(value * 100) / 100

export const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
