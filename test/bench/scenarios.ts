import type { Asker, ChatOptions, TimedAnswer } from './chat-client.ts'
import { percentile } from './statistics.ts'

export interface Figure {
  readonly id: string
  readonly title: string
  readonly unit: 'ms' | 'tokens/s' | 'requests/s'
  readonly better: 'higher' | 'lower'
}

export interface Scenario {
  readonly id: string
  /** Answers under way at a time. */
  readonly streams: number
  /** How many answers one round asks for. */
  readonly answers: number
  readonly chat: ChatOptions
  readonly figures: readonly (Figure & { readonly of: (run: Run) => number })[]
}

/** All answers of one scenario in one round, on one side. */
export interface Run {
  readonly answers: readonly TimedAnswer[]
  readonly seconds: number
  readonly tokens: number
}

export interface Scale {
  readonly rounds: number
  readonly warmUpAnswers: number
  readonly scenarios: readonly Scenario[]
}

/** A minute or two in all on two cores. */
export const FULL: Scale = {
  rounds: 5,
  warmUpAnswers: 200,
  scenarios: [
    firstToken(60),
    throughput(1, 20, 2000),
    throughput(16, 48, 2000),
    throughput(64, 64, 2000),
    shortAnswers(320),
    paced(100),
  ],
}

/** To see that it works; its figures are rough. */
export const QUICK: Scale = {
  rounds: 3,
  warmUpAnswers: 20,
  scenarios: [
    firstToken(10),
    throughput(1, 2, 2000),
    throughput(16, 16, 500),
    shortAnswers(64),
    paced(20),
  ],
}

export async function run(client: Asker, scenario: Scenario): Promise<Run> {
  const answers: TimedAnswer[] = []
  let left = scenario.answers
  const started = performance.now()
  const worker = async (): Promise<void> => {
    while (left-- > 0) answers.push(await client.ask(scenario.chat))
  }
  await Promise.all(Array.from({ length: scenario.streams }, worker))
  const seconds = (performance.now() - started) / 1000
  return { answers, seconds, tokens: answers.length * scenario.chat.tokens }
}

export function firstToken(answers: number, tokens = 16): Scenario {
  const of = (share: number) => (all: Run) =>
    percentile(
      all.answers.map(({ firstTokenMs }) => firstTokenMs),
      share,
    )
  const figure = { unit: 'ms', better: 'lower' } as const
  return {
    id: 'first-token',
    streams: 1,
    answers,
    chat: { tokens },
    figures: [
      { ...figure, id: 'first-token-p50', title: 'time to first token, p50', of: of(0.5) },
      { ...figure, id: 'first-token-p95', title: 'time to first token, p95', of: of(0.95) },
    ],
  }
}

export function throughput(streams: number, answers: number, tokens: number): Scenario {
  return {
    id: `streams-${streams}`,
    streams,
    answers,
    chat: { tokens },
    figures: [
      {
        id: `tokens-per-second-${streams}`,
        title: `throughput, ${streams} ${streams === 1 ? 'stream' : 'streams'} of ${tokens} tokens`,
        unit: 'tokens/s',
        better: 'higher',
        of: (all) => all.tokens / all.seconds,
      },
    ],
  }
}

function shortAnswers(answers: number): Scenario {
  const [streams, tokens] = [16, 16]
  return {
    id: 'short-answers',
    streams,
    answers,
    chat: { tokens },
    figures: [
      {
        id: 'requests-per-second',
        title: `answers of ${tokens} tokens, ${streams} at a time`,
        unit: 'requests/s',
        better: 'higher',
        of: (all) => all.answers.length / all.seconds,
      },
    ],
  }
}

function paced(tokens: number): Scenario {
  const [streams, tokensPerSecond] = [16, 50]
  return {
    id: 'paced',
    streams,
    answers: streams,
    chat: { tokens, tokensPerSecond },
    figures: [
      {
        id: 'token-gap-p95',
        title: `between tokens at ${tokensPerSecond}/s × ${streams}, p95`,
        unit: 'ms',
        better: 'lower',
        of: (all) =>
          percentile(
            all.answers.flatMap(({ gapsMs }) => gapsMs),
            0.95,
          ),
      },
    ],
  }
}
