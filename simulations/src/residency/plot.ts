import type { Outcome } from './run-residency.ts'

interface Line {
  readonly name: string
  readonly colour: string
  readonly dashed?: boolean
  readonly is: (outcome: Outcome) => boolean
  readonly share: (outcome: Outcome) => number
}

const all = (cast: string) => (outcome: Outcome) =>
  outcome.cast === cast && outcome.access === undefined

/** Colours that people tell apart who see no red or no green (Okabe and Ito). */
const LINES: readonly Line[] = [
  {
    name: 'honest, data centre: not proven in the EU',
    colour: '#0072b2',
    is: ({ cast, access }) => cast === 'honest' && access === 'data centre',
    share: ({ inEu }) => 1 - inEu,
  },
  {
    name: 'honest, fibre: not proven in the EU',
    colour: '#56b4e9',
    is: ({ cast, access }) => cast === 'honest' && access === 'fibre',
    share: ({ inEu }) => 1 - inEu,
  },
  {
    name: 'honest, cable or DSL: not proven in the EU',
    colour: '#009e73',
    is: ({ cast, access }) => cast === 'honest' && access === 'cable or DSL',
    share: ({ inEu }) => 1 - inEu,
  },
  {
    name: 'outside: accepted as in the EU',
    colour: '#d55e00',
    is: all('outside'),
    share: ({ inEu }) => inEu,
  },
  {
    name: 'outside: claim not excluded',
    colour: '#d55e00',
    dashed: true,
    is: all('outside'),
    share: ({ excluded }) => 1 - excluded,
  },
  {
    name: 'proxy in the EU: accepted as in the EU',
    colour: '#cc79a7',
    is: all('proxy'),
    share: ({ inEu }) => inEu,
  },
]

const WIDTH = 760
const HEIGHT = 420
const FRAME = { left: 60, right: 20, top: 40, bottom: 150 }
const INNER = {
  width: WIDTH - FRAME.left - FRAME.right,
  height: HEIGHT - FRAME.top - FRAME.bottom,
}

/** False accepts and rejects by the number of landmarks, as an SVG. */
export function plot(outcomes: readonly Outcome[]): string {
  const counts = [...new Set(outcomes.map(({ landmarks }) => landmarks))].sort((a, b) => a - b)
  const x = (place: number) =>
    FRAME.left + (counts.length < 2 ? 0.5 : place / (counts.length - 1)) * INNER.width
  const y = (share: number) => FRAME.top + (1 - share) * INNER.height
  const lines = LINES.map(({ is, share, colour, dashed }) => {
    const points = outcomes
      .filter(is)
      .map((one) => `${round(x(counts.indexOf(one.landmarks)))},${round(y(share(one)))}`)
    const dash = dashed === true ? ' stroke-dasharray="6 4"' : ''
    return `<polyline fill="none" stroke="${colour}" stroke-width="2"${dash} points="${points.join(' ')}"/>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>Evidence of location by latency: shares by number of landmarks</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${text(WIDTH / 2, 20, 'Evidence by latency, strict bound: what goes wrong, by number of landmarks', 'middle')}
${[0, 0.25, 0.5, 0.75, 1].map((share) => level(share, y(share))).join('\n')}
${counts.map((count, place) => text(x(place), y(0) + 18, String(count), 'middle')).join('\n')}
${text(WIDTH / 2, y(0) + 38, 'landmarks', 'middle')}
${lines.join('\n')}
${LINES.map(legend).join('\n')}
</svg>
`
}

const level = (share: number, y: number): string =>
  `<line x1="${FRAME.left}" x2="${WIDTH - FRAME.right}" y1="${round(y)}" y2="${round(y)}" stroke="#dddddd"/>${text(FRAME.left - 8, y + 4, `${share * 100} %`, 'end')}`

function legend({ name, colour, dashed }: Line, place: number): string {
  const left = FRAME.left + (place % 2) * (INNER.width / 2)
  const top = HEIGHT - FRAME.bottom + 65 + Math.floor(place / 2) * 22
  const dash = dashed === true ? ' stroke-dasharray="6 4"' : ''
  return `<line x1="${left}" x2="${left + 24}" y1="${top - 4}" y2="${top - 4}" stroke="${colour}" stroke-width="2"${dash}/>${text(left + 32, top, name, 'start')}`
}

const text = (x: number, y: number, words: string, anchor: string): string =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="#222222">${words}</text>`

const round = (value: number): number => Math.round(value * 10) / 10
