import { type Estimate, estimate } from '../report/statistics.ts'
import { PROVIDER_CLASSES } from './classes.ts'
import {
  bySeed,
  changeOf,
  cheatPays,
  directionOf,
  estimateOf,
  estimateOver,
  hoursOf,
  percentOf,
  shown,
  sweepOf,
} from './figures-of.ts'
import type { GroupOutcome, MarketOutcome } from './outcome.ts'
import { type ConsumerKind, PROVIDER_CHEATS, SORTS } from './plan.ts'
import { PRICE_SETTINGS } from './prices.ts'
import type { MarketResults, ScenarioResult } from './run-all.ts'
import { RECEIPT_EVERY } from './window-stream.ts'

/** What the figures say. Every word that judges depends on an interval; where it holds zero, the sentence says that. */
export interface Answer {
  readonly id: Question
  readonly question: string
  readonly answer: string
}

export const QUESTIONS = {
  pricing: 'Do prices settle?',
  classes: 'Who earns what?',
  idle: 'How much is idle?',
  newcomers: 'How long does a new provider wait for its first job?',
  fee: 'What does the platform fee do?',
  held: 'What do held-back earnings cost the honest, and take from the cheat?',
  windows: 'What do credit windows cost the honest, and take from the cheat?',
  leave: 'What happens when a third of the providers leave at once?',
  policy: 'Which routing policy is best for whom?',
  checks: 'Does it pay to cheat?',
  floor: 'What does the price floor do?',
} as const
export type Question = keyof typeof QUESTIONS

const SAYS: Readonly<Record<Question, (results: MarketResults) => string | undefined>> = {
  pricing: sayPricing,
  classes: sayClasses,
  idle: sayIdle,
  newcomers: sayNewcomers,
  fee: sayFee,
  held: sayHeld,
  windows: sayWindows,
  leave: sayLeave,
  policy: sayPolicy,
  checks: sayChecks,
  floor: sayFloor,
}

/** One sentence for each question that was simulated. */
export function answersOf(results: MarketResults): Answer[] {
  return (Object.keys(QUESTIONS) as Question[]).flatMap((id) => {
    const answer = SAYS[id](results)
    return answer === undefined ? [] : [{ id, question: QUESTIONS[id], answer }]
  })
}

const NAMES = {
  fixed: 'Fixed prices',
  utilization: 'Prices that follow the load',
  advised: 'Prices that follow the advice of the node',
} as const

function sayPricing(results: MarketResults): string | undefined {
  const parts = sweepOf(results, 'pricing').map((scenario) => {
    const first = estimateOf(scenario, ({ spreadFirst }) => spreadFirst)
    const last = estimateOf(scenario, ({ spreadLast }) => spreadLast)
    const change = changeOf(
      scenario,
      scenario,
      (run) => run.spreadLast,
      (run) => run.spreadFirst,
    )
    const verb = by(
      directionOf(change),
      'drift apart',
      'stay as far apart as they were',
      'draw together',
    )
    const minutes = estimateOf(scenario, (run) => run.settlesAfterMinutes)
    const name = NAMES[scenario.value as keyof typeof NAMES]
    return `${name} ${verb} (dearest to cheapest tenth ${shown(first)} in the first hour, ${shown(last)} in the last; median within a tenth of its end after ${shown(minutes, 0)} minutes)`
  })
  return parts.length === 0 ? undefined : `${parts.join('. ')}.`
}

function sayClasses(results: MarketResults): string | undefined {
  const hours = hoursOf(results)
  if (hours.length === 0) return undefined
  const parts = PROVIDER_CLASSES.map((type) => {
    const net = estimateOver(hours, ({ classes }) => classes[type].netPerHour)
    const profit = estimateOver(hours, ({ classes }) => classes[type].profitPerHour)
    const verdict = by(
      directionOf(profit),
      'a profit of',
      'neither a profit nor a loss that shows:',
      'a loss of',
    )
    return `a ${type} provider earns ${shown(net, 3)} EUR an hour after the fee, which after power, rent and hardware is ${verdict} ${shown({ ...profit, mean: directionOf(profit) < 0 ? -profit.mean : profit.mean }, 3)}`
  })
  const inequality = estimateOver(hours, ({ gini }) => gini)
  return `${sentence(parts.join('; '))} The Gini coefficient of earnings by the hour is ${shown(inequality)}.`
}

function sayIdle(results: MarketResults): string | undefined {
  const hours = hoursOf(results)
  if (hours.length === 0) return undefined
  const parts = PROVIDER_CLASSES.map(
    (type) =>
      `${type} ${percentOf(
        estimateOver(hours, ({ classes }) => classes[type].idleShare),
        0,
      )}`,
  )
  return `Of the slots that are open, idle are: ${parts.join(', ')}.`
}

function sayNewcomers(results: MarketResults): string | undefined {
  const scenarios = sweepOf(results, 'explore')
  if (scenarios.length === 0) return undefined
  const parts = scenarios.map((scenario) => {
    const { waits, never } = waitsOf(scenario)
    const of = `${scenario.value} of the requests for newcomers`
    const missing =
      never === 0 ? '' : `, and ${never} of ${waits.length + never} had none by the end`
    return `with ${of} the first job came after ${shown(estimate(waits), 1)} minutes${missing}`
  })
  return sentence(parts.join('; '))
}

/** Minutes until the first job of all newcomers, and how many never had one. */
export function waitsOf({ runs }: ScenarioResult): { waits: number[]; never: number } {
  const all = runs.flatMap(({ newcomers }) =>
    Object.values(newcomers).map((one) => one.firstJobMinutes),
  )
  const waits = all.filter((minutes) => minutes !== null)
  return { waits, never: all.length - waits.length }
}

function sayFee(results: MarketResults): string | undefined {
  const scenarios = sweepOf(results, 'fee')
  const [least] = scenarios
  const most = scenarios.at(-1)
  if (least === undefined || most === undefined || least === most) return undefined
  const price = changeOf(least, most, paidOf)
  const answered = changeOf(least, most, answeredOf)
  const parts = PROVIDER_CLASSES.map((type) => {
    const stays = (run: MarketOutcome) => run.classes[type].stays
    const change = changeOf(least, most, stays)
    const verb = by(
      directionOf(change),
      'more',
      'as many, as far as these seeds can tell,',
      'fewer',
    )
    return `${verb} ${type} providers stay (${percentOf(estimateOf(least, stays), 0)}, then ${percentOf(estimateOf(most, stays), 0)})`
  })
  const told = (direction: 1 | 0 | -1) =>
    by(direction, 'rises', 'does not change as far as these seeds can tell', 'falls')
  return `A fee of ${most.value} instead of ${least.value}, among providers who leave after an hour that does not pay its power or rent: ${parts.join(', ')}. What consumers pay ${told(directionOf(price))} (by ${shown(price)} EUR/Mtok), the share that is answered ${told(directionOf(answered))} (by ${percentOf(answered)}). The node’s floor counts the fee in: what is left of it is ${PRICE_SETTINGS.marginPercent} % above the electricity.`
}

/** Of what was asked for: whoever has used up its budget asks for nothing. */
export const answeredOf = ({ answered, overBudget }: MarketOutcome): number =>
  overBudget < 1 ? answered / (1 - overBudget) : 0

/** Over all that was answered, prompts paid along; EUR a million tokens of answers. */
export const paidOf = ({ hours }: MarketOutcome): number => {
  const tokens = hours.reduce((sum, hour) => sum + hour.requests * hour.answered, 0)
  return tokens === 0
    ? 0
    : hours.reduce((sum, hour) => sum + hour.requests * hour.answered * hour.eurPerMtok, 0) / tokens
}

function sayHeld({ held, stolen, trade }: MarketResults): string | undefined {
  const honest = held.filter(({ schedule, perDay }) => schedule === 'as it is' && perDay > 0)
  if (honest.length === 0) return undefined
  const waits = honest.map(
    ({ who, meanWait, mostWaiting, cost, perDay }) =>
      `${who} (${perDay.toFixed(2)} EUR a day) at most ${mostWaiting.toFixed(2)} EUR, a euro ${meanWait.toFixed(1)} days, ${(cost * 100).toFixed(2)} % at 8 % a year`,
  )
  const kept = (schedule: string, perDay: number, days: number) => {
    const one = stolen.find(
      (row) => row.schedule === schedule && row.perDay === perDay && row.chargebackDays === days,
    )
    return one === undefined ? '' : `${((100 * one.paidOut) / one.earned).toFixed(0)} %`
  }
  return `In the first 120 days there waits of an honest newcomer: ${waits.join('; ')}. Who buys from itself with a stolen card for 20 EUR a day keeps ${kept('as it is', 20, 7)} of it when the chargeback comes after a week, ${kept('as it is', 20, 14)} after two and ${kept('as it is', 20, 30)} after thirty days; at 500 EUR a day, ${kept('as it is', 500, 7)}, ${kept('as it is', 500, 14)} and ${kept('as it is', 500, 30)}. ${sayTrade(trade)}`
}

/** What is to be had for holding back longer. */
function sayTrade(trade: MarketResults['trade']): string {
  const of = (schedule: string) =>
    trade.find((row) => row.schedule === schedule && row.perDay === 20)
  const [now, longer] = [of('as it is'), of('until 120 days')]
  if (now === undefined || longer === undefined) return ''
  const percent = (share: number, digits = 0) => `${(100 * share).toFixed(digits)} %`
  const from =
    longer.paysFrom === undefined
      ? 'It costs no more.'
      : `It is worth that where more than ${percent(longer.paysFrom, 1)} of what newcomers earn is stolen.`
  return `Over the days after which charges are contested such a thief keeps ${percent(now.keeps)} on average; were half of the first 200 EUR held back for 120 days, and a fifth until 1,000 EUR for 90, ${percent(longer.keeps)}, which costs who is honest at the same rate ${percent(longer.cost, 2)} instead of ${percent(now.cost, 2)}. ${from}`
}

function sayWindows(results: MarketResults): string | undefined {
  const [reset, kept, none] = sweepOf(results, 'windows')
  const [remembered] = sweepOf(results, 'memory')
  if (reset === undefined || kept === undefined || none === undefined) return undefined
  const stalled = estimateOver(hoursOf(results), ({ stalledShare }) => stalledShare)
  const takes = (scenario: ScenarioResult) =>
    `${shown(estimateOf(scenario, ({ withheld }) => withheld.perThousand))} EUR`
  const more = (scenario: ScenarioResult) =>
    by(
      directionOf(changeOf(reset, scenario, ({ withheld }) => withheld.perThousand)),
      'more',
      'no difference that these seeds can tell',
      'less',
    )
  const free = results.free.find(({ receiptEvery }) => receiptEvery === RECEIPT_EVERY)
  const whole =
    free === undefined
      ? ''
      : ` Short answers fit into a window: who never countersigns gets ${(free.freeAnswers * 100).toFixed(0)} % of the answers of the trace whole, and ${(free.freeTokens * 100).toFixed(0)} % of all their tokens, for nothing.`
  return `They hold honest answers up for ${percentOf(stalled, 2)} of their time. A thousand sessions that end in a default take ${takes(reset)} (${percentOf(
    estimateOf(reset, ({ withheld }) => withheld.ofAsked),
    0,
  )} of what they asked for); were windows not reset, ${takes(kept)}, which is ${more(kept)}; without windows ${takes(none)}, ${more(none)}.${whole}${sayMemory(reset, remembered)}`
}

/** What it brings that providers remember who defaulted. */
function sayMemory(reset: ScenarioResult, remembered: ScenarioResult | undefined): string {
  if (remembered === undefined) return ''
  const free = (run: MarketOutcome) => run.withheld.freeAnswers
  const eur = (run: MarketOutcome) => run.withheld.eur
  const verb = by(
    directionOf(changeOf(reset, remembered, eur)),
    'more',
    'no difference that these seeds can tell',
    'less',
  )
  return ` Since providers remember who left a window unpaid, consumers who do so had ${shown(estimateOf(remembered, free), 0)} whole answers for nothing in these hours instead of ${shown(estimateOf(reset, free), 0)}, and took ${shown(estimateOf(remembered, eur))} EUR instead of ${shown(estimateOf(reset, eur))}, prompts that were read in vain among it: ${verb}.`
}

/** What an hour was like; the hours of a run. */
export const hourOf =
  (hour: number, figure: keyof MarketOutcome['hours'][number]) => (run: MarketOutcome) =>
    run.hours[hour]?.[figure] ?? 0

function sayLeave(results: MarketResults): string | undefined {
  const [base] = sweepOf(results, 'base')
  const [leave] = sweepOf(results, 'leave')
  if (base === undefined || leave === undefined) return undefined
  const last = (leave.runs[0]?.hours.length ?? 1) - 1
  const told = (
    name: string,
    figure: 'answered' | 'firstP95' | 'eurPerMtok',
    text: (e: Estimate) => string,
  ) => {
    const now = changeOf(base, leave, hourOf(1, figure))
    const later = changeOf(base, leave, hourOf(last, figure))
    return `${name} ${text(now)} in the hour after and ${text(later)} in the last${directionOf(now) === 0 ? ' (the first is within chance)' : ''}`
  }
  return sentence(
    `against the same market in which they stay, ${[
      told('the share that is answered changes by', 'answered', (e) => percentOf(e)),
      told('the p95 of the first token by', 'firstP95', (e) => `${shown(e, 1, 1 / 1000)} s`),
      told('what is paid by', 'eurPerMtok', (e) => `${shown(e)} EUR/Mtok`),
    ].join('; ')}`,
  )
}

function sayPolicy(results: MarketResults): string | undefined {
  const hours = hoursOf(results)
  if (hours.length === 0) return undefined
  const best = (kind: ConsumerKind, figure: (group: GroupOutcome) => number, sign: 1 | -1) => {
    const ranked = groupsOf(hours, kind)
      .map((sort) => ({
        sort,
        all: bySeed(hours, ({ groups }) => {
          const group = groups[`${kind}, ${sort}`]
          return group === undefined ? 0 : figure(group)
        }),
      }))
      .map((one) => ({ ...one, is: estimate(one.all) }))
      .sort((a, b) => sign * (b.is.mean - a.is.mean))
    const [first, second] = ranked
    if (first === undefined || second === undefined) return undefined
    const lead = directionOf(
      estimate(first.all.map((value, i) => sign * (value - (second.all[i] ?? 0)))),
    )
    return { first, second, clear: lead > 0 }
  }
  const people = best('interactive', ({ prompt }) => prompt, 1)
  const programs = best('batch', ({ eurPerThousand }) => eurPerThousand, -1)
  if (people === undefined || programs === undefined) return undefined
  const lead = ({ first, second, clear }: typeof people, text: (e: Estimate) => string) =>
    `“${first.sort}” (${text(first.is)}; next is “${second.sort}” with ${text(second.is)}${clear ? '' : ', which is within chance'})`
  return `For people, whose first token should come within two seconds, ${lead(people, (e) => percentOf(e))}; for programs, which want a thousand answers for the least, ${lead(programs, (e) => `${shown(e)} EUR`)}.`
}

/** Policies that were used by a kind of consumer in all runs. */
export function groupsOf(scenarios: readonly ScenarioResult[], kind: ConsumerKind): string[] {
  const runs = scenarios.flatMap((one) => one.runs)
  return SORTS.filter((sort) =>
    runs.every(({ groups }) => groups[`${kind}, ${sort}`] !== undefined),
  )
}

function sayChecks(results: MarketResults): string | undefined {
  const scenarios = sweepOf(results, 'checks')
  if (scenarios.length === 0 || sweepOf(results, 'base').length === 0) return undefined
  const parts = PROVIDER_CHEATS.map((cheat) => {
    const told = scenarios.map((scenario) => {
      const pays = cheatPays(results, scenario, cheat)
      const verdict = by(
        directionOf({ ...pays, mean: pays.mean - 1 }),
        'pays',
        'may pay or not',
        'does not pay',
      )
      return `${shown(pays)} with ${scenario.value} (${verdict})`
    })
    return `${cheat} ${told.join(', ')}`
  })
  return `What providers earn with a cheat, as a multiple of what the same ones earn honestly, by the share of requests that are spot-checked: ${parts.join('; ')}.`
}

function sayFloor(results: MarketResults): string | undefined {
  const [base] = sweepOf(results, 'base')
  const [without] = sweepOf(results, 'floor')
  if (base === undefined || without === undefined) return undefined
  const below = (scenario: ScenarioResult) =>
    percentOf(estimateOf(scenario, (run) => run.belowPowerShare))
  return `With the floor ${below(base)} of the tokens are sold so that the fee leaves less than the power that they take, without it ${below(without)}.`
}

function by(direction: 1 | 0 | -1, more: string, same: string, less: string): string {
  return direction === 0 ? same : direction > 0 ? more : less
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
