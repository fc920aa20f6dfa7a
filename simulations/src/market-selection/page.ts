import { bars } from '../report/bars.ts'
import type { Section } from '../report/page.ts'
import { type Estimate, estimate } from '../report/statistics.ts'
import type { Outcome } from './run-market.ts'

/** The report of strategies for choosing providers: means over markets, with 95 % intervals. */
export function selectionPage({ outcomes }: { readonly outcomes: readonly Outcome[] }): Section[] {
  const names = [...new Set(outcomes.map(({ strategy }) => strategy))]
  const of = (strategy: string, figure: (outcome: Outcome) => number): Estimate =>
    estimate(outcomes.filter((one) => one.strategy === strategy).map(figure))
  const series = (name: string, figure: (outcome: Outcome) => number) => ({
    name,
    values: names.map((strategy) => of(strategy, figure)),
  })
  const numbers = names.map((_, i) => String(i + 1))
  const told = ({ mean, off }: Estimate, digits: number) =>
    Number.isFinite(off) ? `${mean.toFixed(digits)} ± ${off.toFixed(digits)}` : mean.toFixed(digits)
  const seconds = (ms: number) => ms / 1000
  return [
    {
      title: 'What a choice costs, in money and in time',
      text: `${new Set(outcomes.map(({ seed }) => seed)).size} markets; every strategy meets the same providers. Strategies by number: ${names.map((name, i) => `${i + 1} ${name}`).join(', ')}.`,
      plots: [
        bars({
          title: 'A thousand answers',
          up: 'EUR',
          categories: numbers,
          series: [series('EUR', ({ costPerThousand }) => costPerThousand)],
        }),
        bars({
          title: 'Until the first token',
          up: 's',
          categories: numbers,
          series: [
            series('p50', ({ firstTokenP50 }) => seconds(firstTokenP50)),
            series('p95', ({ firstTokenP95 }) => seconds(firstTokenP95)),
          ],
        }),
        bars({
          title: 'Until the last token',
          up: 's',
          categories: numbers,
          series: [
            series('p50', ({ answerP50 }) => seconds(answerP50)),
            series('p95', ({ answerP95 }) => seconds(answerP95)),
          ],
        }),
      ],
      table: [
        [
          'strategy',
          'EUR per 1,000',
          'orders per request',
          'failed',
          'first token p50, s',
          'p95',
          'p99',
          'answer p50, s',
          'p95',
          'p99',
        ],
        ...names.map((name) => [
          name,
          told(
            of(name, (one) => one.costPerThousand),
            3,
          ),
          told(
            of(name, (one) => one.orders / one.requests),
            2,
          ),
          told(
            of(name, (one) => one.failed / one.requests),
            3,
          ),
          ...(
            [
              'firstTokenP50',
              'firstTokenP95',
              'firstTokenP99',
              'answerP50',
              'answerP95',
              'answerP99',
            ] as const
          ).map((figure) =>
            told(
              of(name, (one) => seconds(one[figure])),
              1,
            ),
          ),
        ]),
      ],
    },
  ]
}
