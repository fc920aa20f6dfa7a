import type { Outcome } from './run-residency.ts'

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** For people: a line for each number of landmarks and cast. */
export function formatTable(outcomes: readonly Outcome[]): string {
  const head = [
    'landmarks',
    'who',
    'access',
    'in the EU',
    'in the country',
    'claim excluded',
    '(EU at 100 km/ms)',
  ]
  const rows = outcomes.map((one) => [
    String(one.landmarks),
    one.cast,
    one.access ?? 'all',
    percent(one.inEu),
    percent(one.inCountry),
    percent(one.excluded),
    percent(one.inEuByThumb),
  ])
  const lines = [head, ...rows]
  const widths = head.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  const isText = (i: number) => i === 1 || i === 2
  return lines
    .map((line) =>
      line
        .map((cell, i) => (isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    )
    .join('\n')
}
