import { amountOf, formatPrice, PICO_PER_EURO, type PicoEuro, picoEuro } from '@hanse/protocol'
import type { Answer, AnswerPart } from '../consumer/answer.ts'
import type { SessionOutcome } from '../consumer/session-client.ts'
import { isJsonObject, type JsonObject, numberIn } from '../engine/json.ts'
import type { RequestRecord } from './request-run.ts'

/** What an answer came to, as its last chunk or its document tells it. */
export interface Costs {
  /** OpenAI's, with `cost` in euro. */
  readonly usage: JsonObject
  /** Who was paid how much, exactly. */
  readonly hanse: JsonObject
  readonly inputTokens: number
  readonly outputTokens: number
  readonly amount: PicoEuro
  readonly sessions: readonly string[]
}

/**
 * The last receipt is signed within milliseconds of the last token. A provider that lost a race takes a round trip to end
 * its session, 0.3 s around the world; nobody waits for one that is dead.
 */
const BILL_WAIT_MS = 500

/** Answers to one request, and the usage as each told it. */
export interface Counted {
  readonly answers: readonly Answer[]
  readonly counted: readonly (JsonObject | undefined)[]
}

/** What answers came to, once all of their chunks have been read. */
export async function costsOf({ answers, counted }: Counted): Promise<Costs> {
  const outcomes = await withinWait(
    Promise.all(answers.map(({ bill }) => bill)).then((bills) =>
      bills.flatMap(({ sessions }) => sessions),
    ),
  )
  const parts = answers.flatMap((answer) => answer.parts)
  const rows = parts.map((part) =>
    rowOf(
      part,
      outcomes?.find((o) => o.session === part.session),
    ),
  )
  const lost = outcomes?.filter((o) => !parts.some(({ session }) => session === o.session)) ?? []
  const usages = answers.map((answer, index) => usageOf(answer, counted[index], outcomes))
  const usage = usages.reduce(sumOf)
  const amount =
    outcomes === undefined ? estimateOf(answers, usages) : sum(outcomes.map(amountPaid))
  const [first] = parts
  return {
    usage: { ...usage, cost: euroOf(amount), cost_currency: 'EUR' },
    hanse: {
      session: first?.session,
      provider: first?.provider,
      country: first?.country,
      model: first?.model,
      cost_pico_euro: amount.toString(),
      // Without the last receipts it is tokens times price.
      ...(outcomes === undefined ? { estimated: true } : {}),
      parts: rows,
      ...(lost.length === 0 ? {} : { also_paid: lost.map(lostRow) }),
    },
    inputTokens: numberIn(usage, 'prompt_tokens') ?? 0,
    outputTokens: numberIn(usage, 'completion_tokens') ?? 0,
    amount,
    sessions: outcomes?.map(({ session }) => session) ?? parts.map(({ session }) => session),
  }
}

/** The same, for who got the answer from memory: nobody was paid for it. */
export function freeOfCost({ usage, hanse }: Pick<Costs, 'usage' | 'hanse'>): JsonObject {
  return {
    usage: { ...usage, cost: 0 },
    hanse: { ...hanse, cost_pico_euro: '0', cached: true },
  }
}

/** Of every session that was opened for a request, those that lost a race among them, pico-euro. */
export function costOf({ outcomes }: Pick<RequestRecord, 'outcomes'>): PicoEuro {
  return sum(outcomes.map(amountPaid))
}

/** Euro as a JSON number: exact up to a thousand euro, where a double has digits for every pico-euro. */
export function euroOf(amount: PicoEuro): number {
  return Number(amount) / Number(PICO_PER_EURO)
}

function rowOf(part: AnswerPart, outcome: SessionOutcome | undefined): JsonObject {
  const { session, provider, country, model, inputPrice, outputPrice } = part
  return {
    session,
    provider,
    country,
    model,
    input_price: formatPrice(inputPrice),
    output_price: formatPrice(outputPrice),
    bundle: `/hanse/v1/bundles/${session}`,
    ...paidFor(outcome),
  }
}

function lostRow(outcome: SessionOutcome): JsonObject {
  const { session, provider } = outcome
  return { session, provider, bundle: `/hanse/v1/bundles/${session}`, ...paidFor(outcome) }
}

function paidFor(outcome: SessionOutcome | undefined): JsonObject {
  if (outcome === undefined) return {}
  const { last, reason } = outcome
  return {
    reason,
    input_tokens: Number(last?.inputTokens ?? 0n),
    output_tokens: Number(last?.outputTokens ?? 0n),
    cost_pico_euro: amountPaid(outcome).toString(),
  }
}

/** As the answer told it; from the receipts when it did not. */
function usageOf(
  { parts }: Answer,
  counted: JsonObject | undefined,
  outcomes: readonly SessionOutcome[] | undefined,
): JsonObject {
  if (counted !== undefined) return counted
  const receipts = parts.map(({ session }) => outcomes?.find((o) => o.session === session)?.last)
  // The prompt counts once, however many providers have read it.
  const input = Number(receipts[0]?.inputTokens ?? 0n)
  const output = Number(receipts.reduce((tokens, last) => tokens + (last?.outputTokens ?? 0n), 0n))
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

function estimateOf(answers: readonly Answer[], usages: readonly JsonObject[]): PicoEuro {
  const tokens = (usage: JsonObject | undefined, field: string): bigint =>
    BigInt(Math.max(0, Math.trunc(numberIn(usage, field) ?? 0)))
  return sum(
    answers.flatMap(({ inputPrice, outputPrice }, index) => [
      amountOf(tokens(usages[index], 'prompt_tokens'), inputPrice),
      amountOf(tokens(usages[index], 'completion_tokens'), outputPrice),
    ]),
  )
}

function amountPaid({ last }: SessionOutcome): PicoEuro {
  return picoEuro(last?.amount ?? 0n)
}

function sum(amounts: readonly bigint[]): PicoEuro {
  return picoEuro(amounts.reduce((total, amount) => total + amount, 0n))
}

/** Two usages in one: what both count is added up. */
function sumOf(one: JsonObject, other: JsonObject): JsonObject {
  const both: Record<string, unknown> = { ...one }
  for (const [field, value] of Object.entries(other)) {
    const before = both[field]
    if (typeof before === 'number' && typeof value === 'number') both[field] = before + value
    else if (isJsonObject(before) && isJsonObject(value)) both[field] = sumOf(before, value)
    else both[field] = before ?? value
  }
  return both
}

async function withinWait<Value>(value: Promise<Value>): Promise<Value | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), BILL_WAIT_MS)
  })
  try {
    return await Promise.race([value, late])
  } finally {
    clearTimeout(timer)
  }
}
