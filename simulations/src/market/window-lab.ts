import { CONVERSATIONS } from './trace.ts'
import { capOf, openingOf, type StreamPlan, streamThroughWindow } from './window-stream.ts'

/** How long a window holds an honest answer up, at an engine's speed and a distance. */
export interface StallRow {
  readonly tokensPerSecond: number
  readonly roundTripMs: number
  readonly receiptEvery: number
  /** Of the time of the answers, the engine waited so much. */
  readonly stalledShare: number
}

/** What one gets who never countersigns, of answers as they are in the trace. */
export interface FreeRow {
  readonly receiptEvery: number
  /** Share of the tokens of all answers, and of the answers that came whole, for nothing. */
  readonly freeTokens: number
  readonly freeAnswers: number
}

const SPEEDS = [20, 80, 320]
const ROUND_TRIPS = [20, 100, 300]
const RECEIPTS = [32, 64, 128, 256, 512]
/** Every so manieth request of the trace. */
const STEP = 13
const PRICES = { inputPrice: 360_000n, outputPrice: 2_730_000n }
const REQUESTS = CONVERSATIONS.filter((_, i) => i % STEP === 0)

export function runStalls(): StallRow[] {
  return SPEEDS.flatMap((tokensPerSecond) =>
    ROUND_TRIPS.flatMap((roundTripMs) =>
      RECEIPTS.map((receiptEvery) => {
        const ends = REQUESTS.map((request) =>
          streamThroughWindow(
            planOf(request, { tokensPerSecond, roundTripMs, receiptEvery }, Infinity),
          ),
        )
        const sum = (of: (end: (typeof ends)[number]) => number) =>
          ends.reduce((all, end) => all + of(end), 0)
        const stalledShare = sum(({ stalledMs }) => stalledMs) / sum(({ ms }) => ms)
        return { tokensPerSecond, roundTripMs, receiptEvery, stalledShare }
      }),
    ),
  )
}

export function runFree(): FreeRow[] {
  return RECEIPTS.map((receiptEvery) => {
    const terms = { tokensPerSecond: 20, roundTripMs: 45, receiptEvery }
    const ends = REQUESTS.map((request) => ({
      asked: request.outputTokens,
      end: streamThroughWindow(planOf(request, terms, 0)),
    }))
    const asked = ends.reduce((sum, one) => sum + one.asked, 0)
    const came = ends.reduce((sum, { end }) => sum + end.tokens, 0)
    const whole = ends.filter((one) => one.end.tokens === one.asked).length
    return { receiptEvery, freeTokens: came / asked, freeAnswers: whole / ends.length }
  })
}

function planOf(
  { inputTokens, outputTokens }: (typeof REQUESTS)[number],
  terms: {
    readonly tokensPerSecond: number
    readonly roundTripMs: number
    readonly receiptEvery: number
  },
  countersigns: number,
): StreamPlan {
  const cap = capOf(inputTokens, PRICES, terms.receiptEvery)
  return {
    ...PRICES,
    inputTokens,
    outputTokens,
    tokenMs: 1_000 / terms.tokensPerSecond,
    roundTripMs: terms.roundTripMs,
    receiptEvery: terms.receiptEvery,
    cap,
    opening: openingOf({ ...PRICES, inputTokens, cap }),
    prepaid: false,
    countersigns,
    counts: 1,
    breaksAfterMs: Infinity,
  }
}
