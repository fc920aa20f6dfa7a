import { plot } from '../../report/plot.ts'
import { sweepOf } from '../figures-of.ts'
import type { MarketResults } from '../run-all.ts'
import { cell, type Part, shareCell } from './part.ts'

export function windowsPart({ stalls, free, ...results }: MarketResults): Part {
  const far = [...new Set(stalls.map(({ roundTripMs }) => roundTripMs))]
  const speeds = [...new Set(stalls.map(({ tokensPerSecond }) => tokensPerSecond))]
  const worst = far.at(-1) ?? 0
  return {
    plots: [
      plot({
        title: `Time that an honest answer is held up, ${worst} ms away`,
        across: 'tokens between receipts',
        up: 'share',
        isLogarithmic: true,
        isShare: true,
        curves: speeds.map((speed) => ({
          name: `${speed} tokens/s`,
          points: stalls
            .filter((row) => row.roundTripMs === worst && row.tokensPerSecond === speed)
            .map((row) => [row.receiptEvery, row.stalledShare] as const),
        })),
      }),
      plot({
        title: 'What one who never countersigns gets for nothing',
        across: 'tokens between receipts',
        up: 'share',
        isLogarithmic: true,
        isShare: true,
        curves: [
          {
            name: 'of the answers, whole',
            points: free.map((row) => [row.receiptEvery, row.freeAnswers]),
          },
          {
            name: 'of their tokens',
            points: free.map((row) => [row.receiptEvery, row.freeTokens]),
          },
        ],
      }),
    ],
    table: [
      [
        'windows, a quarter of the consumers default',
        'unpaid, EUR per 1,000 defaults',
        'of what they asked for',
        'of all that providers served',
        'whole answers for nothing',
        'taken in the hours, EUR',
        'held up, honest and not',
      ],
      ...(['windows', 'memory'] as const)
        .flatMap((sweep) => sweepOf({ stalls, free, ...results }, sweep))
        .map((scenario) => [
          scenario.value,
          cell(({ withheld }) => withheld.perThousand)(scenario),
          shareCell(({ withheld }) => withheld.ofAsked)(scenario),
          shareCell(({ withheld }) => withheld.ofRevenue)(scenario),
          cell(({ withheld }) => withheld.freeAnswers, 0)(scenario),
          cell(({ withheld }) => withheld.eur)(scenario),
          shareCell((run) => run.stalledShare, 2)(scenario),
        ]),
    ],
  }
}
