import { escapeText, round, short, WIDTH } from './plot.ts'

const LINE = 22
const TOP = 30
const NAMES = 260
const VALUES = 60

/** Bars that lie, longest first, with their names and values, as inline SVG in the page's colours. */
export function ranked(
  title: string,
  entries: readonly (readonly [name: string, value: number])[],
): string {
  const sorted = entries.toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  const most = Math.max(1, ...sorted.map(([, value]) => value))
  const long = (value: number) => round((value / most) * (WIDTH - NAMES - VALUES))
  const row = ([name, value]: readonly [string, number], i: number) => {
    const y = TOP + i * LINE
    return `<text x="${NAMES - 8}" y="${y + 13}" text-anchor="end">${escapeText(name)}</text><rect class="dot c0" x="${NAMES}" y="${y + 2}" width="${long(value)}" height="${LINE - 6}"/><text x="${NAMES + long(value) + 6}" y="${y + 13}">${short(value)}</text>`
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${TOP + sorted.length * LINE + 8}" role="img" aria-label="${escapeText(title)}">
<text class="title" x="0" y="18">${escapeText(title)}</text>
${sorted.map(row).join('\n')}
</svg>`
}
