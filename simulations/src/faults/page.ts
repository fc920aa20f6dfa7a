import type { Section } from '../report/page.ts'
import { ranked } from '../report/ranked.ts'

/** What `--json` prints of a run. */
export interface PrintedSummary {
  readonly seeds: number
  readonly steps: number
  readonly counters: Readonly<Record<string, number>>
  readonly failures: readonly {
    readonly seed: number
    readonly invariant: string
    readonly detail: string
  }[]
}

/** Groups of counters that are shown as a plot; the rest is in the table. */
const PLOTTED = [
  'consumer cheats',
  'provider cheats',
  'settlement is cheated',
  'consumer ends',
  'provider ends',
  'network',
]

/** The report of worlds full of faults and cheats. */
export function faultsPage({ seeds, steps, counters, failures }: PrintedSummary): Section[] {
  const entries = Object.entries(counters)
  const plots = PLOTTED.flatMap((group) => {
    const own = entries
      .filter(([name]) => name.startsWith(`${group}: `))
      .map(([name, count]) => [name.slice(group.length + 2), count] as const)
    return own.length === 0 ? [] : [ranked(`${group}: how often`, own)]
  })
  return [
    {
      title: 'What broke',
      text: `${seeds} worlds, ${steps} events: ${failures.length === 0 ? 'no invariant was violated' : `${failures.length} worlds violate an invariant`}.`,
      ...(failures.length > 0 && {
        table: [
          ['seed', 'invariant', 'what'],
          ...failures.map(({ seed, invariant, detail }) => [String(seed), invariant, detail]),
        ],
      }),
    },
    {
      title: 'What happened',
      text: 'Cheats that were tried, how sessions ended, and what the network did.',
      plots,
      table: [['what', 'how often'], ...entries.map(([name, count]) => [name, String(count)])],
    },
  ]
}
