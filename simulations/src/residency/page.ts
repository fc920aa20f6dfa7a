import type { Section } from '../report/page.ts'
import { type Curve, plot } from '../report/plot.ts'
import type { Outcome, ResidencyPlan } from './run-residency.ts'

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** The report of evidence by latency. */
export function residencyPage({
  plan,
  outcomes,
}: {
  readonly plan: ResidencyPlan
  readonly outcomes: readonly Outcome[]
}): Section[] {
  const curve = (
    name: string,
    is: (outcome: Outcome) => boolean,
    share: (outcome: Outcome) => number,
  ): Curve => ({
    name,
    points: outcomes.filter(is).map((one) => [one.landmarks, share(one)] as const),
  })
  const honest = (access: string) =>
    curve(
      `honest, ${access}`,
      (one) => one.cast === 'honest' && one.access === access,
      ({ inEu }) => inEu,
    )
  const cast = (name: string, share: (outcome: Outcome) => number) =>
    curve(name, (one) => one.cast === name && one.access === undefined, share)
  const base = { across: 'landmarks', up: 'share', isLogarithmic: true, isShare: true }
  const accesses = [...new Set(outcomes.flatMap(({ access }) => access ?? []))]
  return [
    {
      title: 'What latency proves',
      text: `${plan.providers} providers of each kind, ${plan.pings} pings from each landmark, of which the smallest counts.`,
      plots: [
        plot({
          ...base,
          title: 'Proven to be in the EU',
          curves: [
            ...accesses.map(honest),
            ...['outside', 'outside by radio', 'proxy'].map((name) =>
              cast(name, ({ inEu }) => inEu),
            ),
          ],
        }),
        plot({
          ...base,
          title: 'Claims that are proven false',
          curves: ['honest', 'outside', 'outside by radio'].map((name) =>
            cast(name, ({ excluded }) => excluded),
          ),
        }),
      ],
      table: [
        [
          'who',
          'access',
          'landmarks',
          'in the EU',
          'in the country',
          'claim excluded',
          'EU at 100 km/ms',
        ],
        ...outcomes.map((one) => [
          one.cast,
          one.access ?? 'all',
          String(one.landmarks),
          percent(one.inEu),
          percent(one.inCountry),
          percent(one.excluded),
          percent(one.inEuByThumb),
        ]),
      ],
    },
  ]
}
