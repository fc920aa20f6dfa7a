import type { Asker, ChatOptions, TimedAnswer } from './load-client.ts'
import { percentile } from './statistics.ts'

export interface Figure {
  readonly id: string
  readonly title: string
  readonly unit: 'ms' | 'tokens/s' | 'requests/s' | 'µs' | 'MB'
  readonly better: 'higher' | 'lower'
}

/** Something to ask of each side, and what is read off it. */
export interface Scenario<Target = Asker> {
  readonly id: string
  readonly figures: readonly Figure[]
  readonly run: (target: Target) => Promise<Run>
}

export interface Run {
  /** By the figure's id. */
  readonly values: Readonly<Record<string, number>>
  readonly answers: number
  readonly tokens: number
}

/** Streams one after the other. */
export function firstToken(answers: number, tokens = 16): Scenario {
  const figure = { unit: 'ms', better: 'lower' } as const
  return {
    id: 'first-token',
    figures: [
      { ...figure, id: 'first-token-p50', title: 'time to first token, p50' },
      { ...figure, id: 'first-token-p95', title: 'time to first token, p95' },
    ],
    run: async (asker) => {
      // The first one may find no connection open.
      await asker.ask({ tokens })
      const all = (await askAll(asker, 1, answers, { tokens })).map((each) => each.firstTokenMs)
      const values = {
        'first-token-p50': percentile(all, 0.5),
        'first-token-p95': percentile(all, 0.95),
      }
      return { values, answers: answers + 1, tokens: (answers + 1) * tokens }
    },
  }
}

/** So many streams at a time, as fast as they come. */
export function throughput(streams: number, answers: number, tokens: number): Scenario {
  const id = `tokens-per-second-${streams}`
  const title = `throughput, ${streams} ${streams === 1 ? 'stream' : 'streams'} of ${tokens} tokens`
  return {
    id: `streams-${streams}`,
    figures: [{ id, title, unit: 'tokens/s', better: 'higher' }],
    run: async (asker) => {
      const started = performance.now()
      await askAll(asker, streams, answers, { tokens })
      const all = answers * tokens
      return {
        values: { [id]: (all * 1000) / (performance.now() - started) },
        answers,
        tokens: all,
      }
    },
  }
}

/** `answers` in all, `parallel` of them at a time. */
export async function askAll(
  asker: Asker,
  parallel: number,
  answers: number,
  chat: ChatOptions,
): Promise<TimedAnswer[]> {
  const all: TimedAnswer[] = []
  let left = answers
  const worker = async (): Promise<void> => {
    while (left-- > 0) all.push(await asker.ask(chat))
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return all
}
