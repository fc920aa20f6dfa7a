import { askAll, type Figure, firstToken, type Scenario, throughput } from '../scenarios.ts'
import { percentile } from '../statistics.ts'
import type { Target } from './rig.ts'

export interface Scale {
  readonly rounds: number
  readonly warmUpAnswers: number
  readonly scenarios: readonly Scenario<Target>[]
}

/** Tokens of an answer where throughput is measured, and of a short completion. */
const [LONG, SHORT] = [2_000, 16]
/** A fast reader's model; what is asked for at once where a machine serves many. */
const [PACE, STREAMS, REQUESTS] = [50, 64, 32]

/** Some minutes on two cores. */
export const FULL: Scale = {
  rounds: 5,
  warmUpAnswers: 600,
  scenarios: [
    viaClient(firstToken(100, SHORT)),
    viaClient(throughput(1, 12, LONG)),
    viaClient(throughput(16, 32, LONG)),
    viaClient(throughput(STREAMS, STREAMS, LONG)),
    paced(150),
    requests(1_600),
    cancels('streamed', 20),
    cancels('whole', 20),
  ],
}

/** To see that it works; its figures are rough. */
export const QUICK: Scale = {
  rounds: 2,
  warmUpAnswers: 64,
  scenarios: [
    viaClient(firstToken(10, SHORT)),
    viaClient(throughput(1, 2, LONG)),
    viaClient(throughput(16, 16, 500)),
    viaClient(throughput(STREAMS, STREAMS, 500)),
    paced(25),
    requests(128),
    cancels('streamed', 3),
    cancels('whole', 3),
  ],
}

/** Until the code that the scenarios run is compiled and the connections are open. */
export async function warmUp({ client }: Target, answers: number): Promise<void> {
  await askAll(client, REQUESTS, answers, { tokens: SHORT, stream: false })
  await askAll(client, REQUESTS, answers, { tokens: SHORT })
  await askAll(client, STREAMS, STREAMS, { tokens: 1_000 })
}

function viaClient(scenario: Scenario): Scenario<Target> {
  return { ...scenario, run: ({ client }) => scenario.run(client) }
}

/** Streams at the pace of a real model. */
function paced(tokens: number): Scenario<Target> {
  const title = `between tokens, ${STREAMS} streams at ${PACE}/s`
  const figure = { unit: 'ms', better: 'lower' } as const
  return {
    id: 'paced',
    figures: [
      { ...figure, id: 'token-gap-p50', title: `${title}, p50` },
      { ...figure, id: 'token-gap-p99', title: `${title}, p99` },
    ],
    run: async ({ client }) => {
      const chat = { tokens, tokensPerSecond: PACE }
      const gaps = (await askAll(client, STREAMS, STREAMS, chat)).flatMap(({ gapsMs }) => gapsMs)
      const values = {
        'token-gap-p50': percentile(gaps, 0.5),
        'token-gap-p99': percentile(gaps, 0.99),
      }
      return { values, answers: STREAMS, tokens: STREAMS * tokens }
    },
  }
}

/** Short completions in one piece. */
function requests(answers: number): Scenario<Target> {
  const title = `completions of ${SHORT} tokens, not streamed, ${REQUESTS} at a time`
  return {
    id: 'requests',
    figures: [{ id: 'requests-per-second', title, unit: 'requests/s', better: 'higher' }],
    run: async ({ client }) => {
      const started = performance.now()
      await askAll(client, REQUESTS, answers, { tokens: SHORT, stream: false })
      const rate = (answers * 1000) / (performance.now() - started)
      return { values: { 'requests-per-second': rate }, answers, tokens: answers * SHORT }
    },
  }
}

/** How long a chat goes on that nobody ends; a cancel that the engine has not seen until then is never seen. */
const UNHEARD_TOKENS = 50
/** After so many in a row the others are taken to go unseen too. */
const UNSEEN_MAX = 2

/** From the moment the client closes its connection until the engine knows. */
function cancels(kind: 'streamed' | 'whole', count: number): Scenario<Target> {
  const title = `a client’s cancel is at the engine, ${kind === 'streamed' ? 'streamed' : 'not streamed'}`
  const figure = { unit: 'ms', better: 'lower' } as const satisfies Partial<Figure>
  const [p50, p95] = [`cancel-${kind}-p50`, `cancel-${kind}-p95`]
  return {
    id: `cancel-${kind}`,
    figures: [
      { ...figure, id: p50, title: `${title}, p50` },
      { ...figure, id: p95, title: `${title}, p95` },
    ],
    run: async (target) => {
      const all: number[] = []
      let unseen = 0
      while (all.length < count && unseen < UNSEEN_MAX) {
        const ms = await cancel(target, kind === 'streamed')
        unseen = Number.isFinite(ms) ? 0 : unseen + 1
        all.push(ms)
      }
      const values = { [p50]: percentile(all, 0.5), [p95]: percentile(all, 0.95) }
      return { values, answers: all.length, tokens: 0 }
    },
  }
}

/** ms; infinite when the engine never heard of it. */
async function cancel({ client, engine }: Target, stream: boolean): Promise<number> {
  const chat = engine.next()
  const asked = client.begin({ tokens: UNHEARD_TOKENS, tokensPerSecond: PACE, stream })
  await Promise.race([stream ? asked.firstToken : chat.begun, asked.whole])
  const leftNs = process.hrtime.bigint()
  asked.leave()
  const { aborted, atNs } = await chat.ended
  return aborted ? Number(atNs - leftNs) / 1e6 : Number.POSITIVE_INFINITY
}
