import { plot } from '../../report/plot.ts'
import type { MarketResults } from '../run-all.ts'
import type { Part } from './part.ts'

export function heldPart({ held, stolen, trade }: MarketResults): Part {
  const now = held.filter(({ schedule }) => schedule === 'as it is')
  const keeps = (perDay: number) => (schedule: string) => ({
    name: `${schedule}, ${perDay} EUR a day`,
    isDashed: schedule !== 'as it is',
    points: stolen
      .filter((row) => row.schedule === schedule && row.perDay === perDay)
      .map(({ chargebackDays, paidOut, earned }) => [chargebackDays, paidOut / earned] as const),
  })
  return {
    plots: [
      plot({
        title: 'Waiting money of an honest newcomer',
        across: 'days since its first earnings',
        up: 'EUR',
        curves: now.map(({ who, perDay, waiting }) => ({
          name: `${who}, ${perDay.toFixed(2)} EUR a day`,
          points: waiting,
        })),
      }),
      plot({
        title: 'What one who buys from itself with a stolen card keeps',
        across: 'days until the chargeback',
        up: 'share of what it earned',
        isShare: true,
        curves: [...new Set(stolen.map(({ schedule }) => schedule))].map(keeps(20)),
      }),
      plot({
        title: 'What a schedule leaves to a thief, and costs an honest newcomer',
        across: 'cost, percent of what an honest newcomer earns',
        up: 'share that a thief keeps, on average',
        isShare: true,
        curves: [...new Set(trade.map(({ perDay }) => perDay))].map((perDay) => ({
          name: `${perDay} EUR a day`,
          points: trade
            .filter((row) => row.perDay === perDay)
            .map(({ cost, keeps: kept }) => [100 * cost, kept] as const)
            .sort(([a], [b]) => a - b),
        })),
      }),
    ],
    table: [
      [
        'schedule',
        'who',
        'EUR a day',
        'most that waits, EUR',
        'a euro waits, days',
        'cost at 8 % a year',
        'last wait ends, day',
      ],
      ...held.map((row) => [
        row.schedule,
        row.who,
        row.perDay.toFixed(2),
        row.mostWaiting.toFixed(2),
        row.meanWait.toFixed(2),
        `${(row.cost * 100).toFixed(3)} %`,
        String(row.freeAfterDays),
      ]),
    ],
  }
}
