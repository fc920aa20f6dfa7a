import { styleText } from 'node:util'
import type { Colour } from '../pretty-line.ts'
import { clean, shorten, widthOf } from '../terminal-text.ts'

/** A piece of a line in one colour. */
export type Span = readonly [text: string, colour?: Colour | undefined]

/** A line of exactly these pieces, cut where the terminal ends. Whatever strangers wrote cannot leave its place. */
export function lineOf(spans: readonly Span[], columns: number, colours: boolean): string {
  let room = columns
  let line = ''
  for (const [text, colour] of spans) {
    const shown = shorten(clean(text), room)
    if (shown === '') continue
    room -= widthOf(shown)
    line +=
      colours && colour !== undefined ? styleText(colour, shown, { validateStream: false }) : shown
    if (room <= 0) break
  }
  return line
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A share of a bar of so many columns. */
export function bar(share: number | null, columns: number): string {
  if (share === null) return '·'.repeat(columns)
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * columns * 8)
  const full = '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
  return full.padEnd(columns, '░')
}

const HEIGHTS = '▁▂▃▄▅▆▇█'

/** The newest values that fit, each as a column as high as its share of the highest. */
export function sparkline(values: readonly number[], columns: number): string {
  const shown = values.slice(-Math.max(0, columns))
  const highest = Math.max(...shown, 1)
  return columns <= 0
    ? ''
    : shown
        .map((value) => HEIGHTS[Math.min(7, Math.max(0, Math.ceil((value / highest) * 8) - 1))])
        .join('')
}
