import { renderPage, type Section } from '../report/page.ts'
import { type Answer, answersOf, type Question } from './answers.ts'
import { checksPart } from './parts/checks.ts'
import { heldPart } from './parts/held-back.ts'
import type { Part } from './parts/part.ts'
import { feePart, floorPart, pricingPart } from './parts/prices.ts'
import { classesPart, idlePart, newcomersPart } from './parts/providers.ts'
import { leavePart, policyPart } from './parts/requests.ts'
import { windowsPart } from './parts/windows.ts'
import type { MarketResults } from './run-all.ts'

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
