import { bars } from '../report/bars.ts'
import { renderPage, type Section } from '../report/page.ts'
import { plot } from '../report/plot.ts'
import { type Estimate, estimate } from '../report/statistics.ts'
import {
  type Answer,
  answeredOf,
  answersOf,
  groupsOf,
  hourOf,
  paidOf,
  type Question,
  waitsOf,
} from './answers.ts'
import { PROVIDER_CLASSES } from './classes.ts'
import {
  cheatPays,
  estimateOf,
  estimateOver,
  type Figure,
  hoursOf,
  percentOf,
  shown,
  sweepOf,
} from './figures-of.ts'
import type { GroupOutcome } from './outcome.ts'
import { PROVIDER_CHEATS } from './plan.ts'
import type { MarketResults, ScenarioResult } from './run-all.ts'
import type { Sweep } from './scenarios.ts'

type Part = Pick<Section, 'plots' | 'table'>
const PARTS: Readonly<Record<Question, (results: MarketResults) => Part>> = {
  pricing: pricingPart,
  classes: classesPart,
  idle: idlePart,
  newcomers: newcomersPart,
  fee: feePart,
  held: heldPart,
  windows: windowsPart,
  leave: leavePart,
  policy: policyPart,
  checks: checksPart,
  floor: floorPart,
}

/** The report of a run. Only its header differs between two runs of one seed. */
export function renderMarket(results: MarketResults, header: string): string {
  const { seed, seeds } = results.plan
  const answers = answersOf(results)
  return renderPage({
    title: `The market, simulated: seed ${seed}`,
    header,
    sections: [
      {
        title: 'How to read this',
        text: `Below each question stands what the figures say, in sentences that are made of them: means of ${seeds} seeds and the half-width of the 95 % interval (Student’s t); differences are taken seed by seed. Money is in EUR; a price is for a million tokens of answers, with their prompts paid along.`,
      },
      ...answers.map((answer): Section => sectionOf(answer, results)),
    ],
  })
}

function sectionOf({ id, question, answer }: Answer, results: MarketResults): Section {
  return { title: question, text: answer, ...PARTS[id](results) }
}

/** A row for each scenario of sweeps, a column for each figure. */
function tableOf(
  results: MarketResults,
  sweeps: readonly Sweep[],
  first: string,
  columns: readonly (readonly [head: string, text: (scenario: ScenarioResult) => string])[],
  name: (scenario: ScenarioResult) => string = ({ value }) => value,
): string[][] {
  const scenarios = sweeps.flatMap((sweep) => sweepOf(results, sweep))
  return [
    [first, ...columns.map(([head]) => head)],
    ...scenarios.map((scenario) => [name(scenario), ...columns.map(([, text]) => text(scenario))]),
  ]
}

const cell =
  (figure: Figure, digits = 2, factor = 1) =>
  (scenario: ScenarioResult): string =>
    shown(estimateOf(scenario, figure), digits, factor)
const shareCell =
  (figure: Figure, digits = 1) =>
  (scenario: ScenarioResult): string =>
    percentOf(estimateOf(scenario, figure), digits)

/** A point of a curve with its interval. */
function point(x: number, { mean, off }: Estimate): readonly [number, number, number] {
  return [x, mean, Number.isFinite(off) ? off : 0]
}

function pricingPart(results: MarketResults): Part {
  const scenarios = sweepOf(results, 'pricing')
  const over = (of: 'median' | 'p10' | 'p90') =>
    scenarios.map(({ value, runs }) => ({
      name: `${value}, ${of === 'median' ? of : of === 'p10' ? 'cheapest tenth' : 'dearest tenth'}`,
      isDashed: of !== 'median',
      points: (runs[0]?.prices ?? []).map(({ at }, i) =>
        point(at / 60_000, estimate(runs.map(({ prices }) => prices[i]?.[of] ?? 0))),
      ),
    }))
  const base = { across: 'minutes', up: 'EUR/Mtok' }
  return {
    plots: [
      plot({ ...base, title: 'Median price of an answer’s tokens', curves: over('median') }),
      plot({
        ...base,
        title: 'Cheapest and dearest tenth',
        curves: [...over('p10'), ...over('p90')],
      }),
    ],
    table: tableOf(
      results,
      ['pricing', 'base', 'load'],
      'prices, requests',
      [
        ['settles after, min', cell((run) => run.settlesAfterMinutes, 0)],
        ['dearest ÷ cheapest tenth, first hour', cell((run) => run.spreadFirst)],
        ['last hour', cell((run) => run.spreadLast)],
        ['median at the end, EUR/Mtok', cell((run) => run.medianLast)],
        ['paid, EUR/Mtok', cell(paidOf)],
        ['answered', shareCell(answeredOf)],
      ],
      pricedAs,
    ),
  }
}

const pricedAs = ({ sweep, value }: ScenarioResult): string => {
  if (sweep === 'pricing') return `all ${value}`
  return sweep === 'base' ? 'a third of each' : `a third of each, ${value}`
}

function classesPart(results: MarketResults): Part {
  const hours = hoursOf(results)
  const byLoad = sweepOf(results, 'load')
  const figures = ['gross', 'net', 'power', 'profit'] as const
  const of = (figure: (typeof figures)[number]) =>
    PROVIDER_CLASSES.map((type) =>
      estimateOver(hours, ({ classes }) => classes[type][`${figure}PerHour`]),
    )
  return {
    plots: [
      bars({
        title: 'An open hour of a provider',
        up: 'EUR',
        categories: PROVIDER_CLASSES,
        series: [
          { name: 'earned', values: of('gross') },
          { name: 'after the fee', values: of('net') },
          { name: 'after the fee, power, rent and hardware', values: of('profit') },
        ],
      }),
    ],
    table: [
      [
        'class',
        'jobs',
        'earned, EUR/h',
        'after the fee',
        'power',
        'profit',
        ...byLoad.map(({ value }) => `profit at ${value} the requests`),
      ],
      ...PROVIDER_CLASSES.map((type) => [
        type,
        shown(
          estimateOver(hours, ({ classes }) => classes[type].jobs),
          0,
        ),
        ...figures.map((figure) =>
          shown(
            estimateOver(hours, ({ classes }) => classes[type][`${figure}PerHour`]),
            3,
          ),
        ),
        ...byLoad.map(cell(({ classes }) => classes[type].profitPerHour, 3)),
      ]),
    ],
  }
}

function idlePart(results: MarketResults): Part {
  const clock = [...sweepOf(results, 'clock'), ...sweepOf(results, 'base')].sort(
    (a, b) => a.at - b.at,
  )
  const load = sweepOf(results, 'load')
  const idle = (scenarios: readonly ScenarioResult[]) =>
    PROVIDER_CLASSES.map((type) => ({
      name: type,
      points: scenarios.map((one) =>
        point(
          one.at,
          estimateOf(one, ({ classes }) => classes[type].idleShare),
        ),
      ),
    }))
  const base = sweepOf(results, 'base').map((one) => ({ ...one, at: 1 }))
  const byLoad = [...load, ...base].sort((a, b) => a.at - b.at)
  const share = { up: 'idle', isShare: true }
  return {
    plots: [
      plot({
        ...share,
        title: 'Idle slots by hour of the day',
        across: 'three hours from',
        curves: idle(clock),
      }),
      ...(load.length === 0
        ? []
        : [
            plot({
              ...share,
              title: 'Idle slots by demand',
              across: 'times the requests',
              curves: idle(byLoad),
            }),
          ]),
    ],
    table: tableOf(results, ['clock', 'base', 'load'], 'from; load', [
      ...PROVIDER_CLASSES.map(
        (type) => [`idle, ${type}`, shareCell(({ classes }) => classes[type].idleShare)] as const,
      ),
      ['answered', shareCell(answeredOf)],
      ['over budget', shareCell((run) => run.overBudget)],
    ]),
  }
}

function newcomersPart(results: MarketResults): Part {
  const scenarios = sweepOf(results, 'explore')
  const early = (scenario: ScenarioResult, type: string) =>
    estimate(
      scenario.runs.map(({ newcomers }) => {
        const one = newcomers[type]
        return one === undefined || one.usualJobs === 0 ? 0 : one.earlyJobs / one.usualJobs
      }),
    )
  return {
    plots: [
      bars({
        title: 'Jobs in the first hour, as a multiple of the usual ones of the class',
        up: 'times',
        categories: scenarios.map(({ value }) => value),
        series: PROVIDER_CLASSES.map((type) => ({
          name: type,
          values: scenarios.map((scenario) => early(scenario, type)),
        })),
      }),
    ],
    table: [
      [
        'requests for newcomers',
        'first job after, min',
        'never',
        ...PROVIDER_CLASSES.map((type) => `jobs ÷ usual, ${type}`),
        'paid, EUR/Mtok',
      ],
      ...scenarios.map((scenario) => {
        const { waits, never } = waitsOf(scenario)
        return [
          scenario.value,
          shown(estimate(waits), 1),
          `${never} of ${waits.length + never}`,
          ...PROVIDER_CLASSES.map((type) => shown(early(scenario, type))),
          cell(paidOf)(scenario),
        ]
      }),
    ],
  }
}

function feePart(results: MarketResults): Part {
  const scenarios = sweepOf(results, 'fee')
  const curves = (figure: (type: (typeof PROVIDER_CLASSES)[number]) => Figure) =>
    PROVIDER_CLASSES.map((type) => ({
      name: type,
      points: scenarios.map((one) => point(100 * one.at, estimateOf(one, figure(type)))),
    }))
  return {
    plots: [
      plot({
        title: 'Providers that are still there after three hours',
        across: 'fee, %',
        up: 'share',
        isShare: true,
        curves: curves(
          (type) =>
            ({ classes }) =>
              classes[type].stays,
        ),
      }),
    ],
    table: tableOf(results, ['fee'], 'fee', [
      ...PROVIDER_CLASSES.map(
        (type) =>
          [`net, ${type}, EUR/h`, cell(({ classes }) => classes[type].netPerHour, 3)] as const,
      ),
      ...PROVIDER_CLASSES.map(
        (type) => [`stay, ${type}`, shareCell(({ classes }) => classes[type].stays, 0)] as const,
      ),
      ['of the platform, EUR', cell((run) => run.fees)],
      ['paid, EUR/Mtok', cell(paidOf)],
      ['answered', shareCell(answeredOf)],
    ]),
  }
}

function heldPart({ held, stolen }: MarketResults): Part {
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
        curves: [...new Set(stolen.map(({ schedule }) => schedule))].flatMap((schedule) => [
          keeps(20)(schedule),
          keeps(500)(schedule),
        ]),
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

function windowsPart({ stalls, free, ...results }: MarketResults): Part {
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
        'held up, honest and not',
      ],
      ...sweepOf({ stalls, free, ...results }, 'windows').map((scenario) => [
        scenario.value,
        cell(({ withheld }) => withheld.perThousand)(scenario),
        shareCell(({ withheld }) => withheld.ofAsked)(scenario),
        shareCell(({ withheld }) => withheld.ofRevenue)(scenario),
        shareCell((run) => run.stalledShare, 2)(scenario),
      ]),
    ],
  }
}

function leavePart(results: MarketResults): Part {
  const scenarios = [...sweepOf(results, 'base'), ...sweepOf(results, 'leave')]
  const hours = scenarios[0]?.runs[0]?.hours.map((_, hour) => hour) ?? []
  const name = ({ sweep, value }: ScenarioResult) =>
    sweep === 'base' ? 'all stay' : `${value} leaves after an hour`
  const curves = (figure: 'firstP95' | 'eurPerMtok', factor: number) =>
    scenarios.map((scenario) => ({
      name: name(scenario),
      points: hours.map((hour) => {
        const { mean, off } = estimateOf(scenario, hourOf(hour, figure))
        return point(hour + 1, { mean: mean * factor, off: off * factor })
      }),
    }))
  return {
    plots: [
      plot({
        title: 'First token, p95',
        across: 'hour',
        up: 's',
        curves: curves('firstP95', 1 / 1000),
      }),
      plot({ title: 'Paid', across: 'hour', up: 'EUR/Mtok', curves: curves('eurPerMtok', 1) }),
    ],
    table: [
      ['market', 'hour', 'answered', 'first token p50, s', 'p95, s', 'paid, EUR/Mtok'],
      ...scenarios.flatMap((scenario) =>
        hours.map((hour) => [
          name(scenario),
          String(hour + 1),
          shareCell(hourOf(hour, 'answered'), 2)(scenario),
          cell(hourOf(hour, 'firstP50'), 2, 1 / 1000)(scenario),
          cell(hourOf(hour, 'firstP95'), 2, 1 / 1000)(scenario),
          cell(hourOf(hour, 'eurPerMtok'))(scenario),
        ]),
      ),
    ],
  }
}

function policyPart(results: MarketResults): Part {
  const hours = hoursOf(results)
  const kinds = ['interactive', 'batch'] as const
  const of = (
    kind: (typeof kinds)[number],
    sort: string,
    figure: (group: GroupOutcome) => number,
  ) =>
    estimateOver(hours, ({ groups }) => {
      const group = groups[`${kind}, ${sort}`]
      return group === undefined ? 0 : figure(group)
    })
  const sorts = groupsOf(hours, 'interactive')
  return {
    plots: [
      bars({
        title: 'First token within two seconds',
        up: 'share of the requests',
        isShare: true,
        categories: sorts,
        series: kinds.map((kind) => ({
          name: kind,
          values: sorts.map((sort) => of(kind, sort, ({ prompt }) => prompt)),
        })),
      }),
      bars({
        title: 'A thousand answers',
        up: 'EUR',
        categories: sorts,
        series: kinds.map((kind) => ({
          name: kind,
          values: sorts.map((sort) => of(kind, sort, (group) => group.eurPerThousand)),
        })),
      }),
    ],
    table: [
      [
        'who, policy',
        'answered',
        'EUR per 1,000',
        'first token p50, s',
        'p95, s',
        'answer p50, s',
        'p95, s',
        'within 2 s',
      ],
      ...kinds.flatMap((kind) =>
        groupsOf(hours, kind).map((sort) => [
          `${kind}, ${sort}`,
          percentOf(of(kind, sort, (group) => group.answered)),
          shown(of(kind, sort, (group) => group.eurPerThousand)),
          ...(['firstP50', 'firstP95', 'answerP50', 'answerP95'] as const).map((figure) =>
            shown(
              of(kind, sort, (group) => group[figure]),
              2,
              1 / 1000,
            ),
          ),
          percentOf(of(kind, sort, ({ prompt }) => prompt)),
        ]),
      ),
    ],
  }
}

function checksPart(results: MarketResults): Part {
  const scenarios = sweepOf(results, 'checks')
  return {
    plots: [
      bars({
        title: 'Earnings with a cheat, as a multiple of those without',
        up: 'times',
        categories: scenarios.map(({ value }) => `${value} checked`),
        series: PROVIDER_CHEATS.map((cheat) => ({
          name: cheat,
          values: scenarios.map((scenario) => cheatPays(results, scenario, cheat)),
        })),
      }),
    ],
    table: [
      ['spot checks', ...PROVIDER_CHEATS, 'paid, EUR/Mtok'],
      ...scenarios.map((scenario) => [
        scenario.value,
        ...PROVIDER_CHEATS.map((cheat) => shown(cheatPays(results, scenario, cheat))),
        cell(paidOf)(scenario),
      ]),
    ],
  }
}

function floorPart(results: MarketResults): Part {
  return {
    table: tableOf(results, ['base', 'floor'], 'market', [
      ['sold below its power', shareCell((run) => run.belowPowerShare)],
      ['median at the end, EUR/Mtok', cell((run) => run.medianLast)],
      ['profit, home, EUR/h', cell(({ classes }) => classes.home.profitPerHour, 3)],
    ]),
  }
}
