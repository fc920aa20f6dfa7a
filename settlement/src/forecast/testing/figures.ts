import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BackTest } from '../back-test.ts'
import { dailySeries } from '../daily-series.ts'
import { type DaysForecast, forecastDays } from '../forecast-days.ts'
import { readSamples } from '../read-samples.ts'
import { madeSeries } from './made-series.ts'
import { publicSeries } from './public-series.ts'
import { RECIPES } from './recipes.ts'

// `node settlement/src/forecast/testing/figures.ts` writes the figures of the guide; a test says when they are stale.

export const GUIDE = fileURLToPath(new URL('../../../../docs/guides/forecast.md', import.meta.url))
const SEED = 3

const HEAD = [
  '| series | days | class | origins | MAPE % | WAPE % | week % | MASE | in 80 % interval | a week before: MAPE % | week % | MASE |',
  '|---|---|---|---|---|---|---|---|---|---|---|---|',
]

/** The table of the public series. */
export function publicFigures(): string {
  const lines = publicSeries().map(({ name, csv }) => {
    const { values } = dailySeries(readSamples(csv))
    return line(name, values.length, forecastDays(values))
  })
  return [...HEAD, ...lines].join('\n')
}

/** The table of the made series. */
export function madeFigures(): string {
  const lines = Object.entries(RECIPES).map(([name, recipe]) =>
    line(name, recipe.days, forecastDays(madeSeries(recipe, SEED))),
  )
  return [...HEAD, ...lines].join('\n')
}

function line(name: string, days: number, { class: kind, backTest }: DaysForecast): string {
  if (backTest === null) return `| ${name} | ${days} | ${kind} | 0 |`
  const { origins, coverage80, naive, ...own } = backTest
  const cells = [name, days, kind, origins, ...cellsOf(own), shown(coverage80)]
  return `| ${[...cells, shown(naive.mape), shown(naive.weekError), shown(naive.mase, 2)].join(' | ')} |`
}

const cellsOf = ({
  mape,
  wape,
  weekError,
  mase,
}: Omit<BackTest, 'naive' | 'origins' | 'coverage80'>) => [
  shown(mape),
  shown(wape),
  shown(weekError),
  shown(mase, 2),
]

const shown = (value: number | null, digits = 1): string => value?.toFixed(digits) ?? '-'

/** What stands between the marks of a table. @throws where the guide has no such marks */
export function written(guide: string, table: string): string {
  const found = between(table).exec(guide)?.[1]
  if (found === undefined) throw new Error(`docs/guides/forecast.md has no marks of ${table}`)
  return found
}

const between = (table: string) =>
  new RegExp(`<!-- figures:${table} -->\\n([\\s\\S]*?)\\n<!-- end -->`, 'u')

if (import.meta.main) {
  let guide = readFileSync(GUIDE, 'utf8')
  for (const [table, figures] of [
    ['public', publicFigures()],
    ['made', madeFigures()],
  ] as const) {
    written(guide, table)
    guide = guide.replace(
      between(table),
      () => `<!-- figures:${table} -->\n${figures}\n<!-- end -->`,
    )
  }
  writeFileSync(GUIDE, guide)
}
