import type { AnswerPart } from '../consumer/answer.ts'
import type { SessionOutcome } from '../consumer/session-client.ts'
import { costOf, euroOf } from '../openai/costs.ts'
import type { RequestRecord } from '../openai/index.ts'

/** As many answers as are asked about again; each takes about a kilobyte. */
const KEPT_MAX = 10_000

/** What past answers cost, by the id of the request or of any of its sessions, since this process began. */
export class Generations {
  readonly #rows = new Map<
    string,
    { readonly caller: string; readonly row: Record<string, unknown> }
  >()
  /** Every name of each, oldest first. */
  readonly #names: (readonly string[])[] = []

  add(record: RequestRecord): void {
    const { facts, caller, outcomes } = record
    const names = [facts.id, ...outcomes.map(({ session }) => session)]
    const row = rowOf(record)
    for (const name of names) this.#rows.set(name, { caller, row })
    this.#names.push(names)
    if (this.#names.length <= KEPT_MAX) return
    for (const name of this.#names.shift() ?? []) this.#rows.delete(name)
  }

  /** @param caller who may see it; the owner may see all when absent */
  find(id: string, caller: string | undefined): Record<string, unknown> | undefined {
    const found = this.#rows.get(id)
    return found === undefined || (caller !== undefined && found.caller !== caller)
      ? undefined
      : found.row
  }
}

/** Named as OpenRouter names it, where it does; money in euro. */
function rowOf(record: RequestRecord): Record<string, unknown> {
  const { facts, at, firstMs, totalMs, outcomes, answers } = record
  const [first] = answers
  const parts = answers.flatMap((answer) => answer.parts)
  const amount = costOf(record)
  return {
    id: facts.id,
    kind: facts.kind,
    model: first?.model ?? facts.model,
    asked_model: facts.model,
    provider: first?.provider ?? null,
    country: first?.country ?? null,
    created_at: new Date(at).toISOString(),
    streamed: facts.stream,
    status: record.status,
    error: record.error ?? null,
    cached: record.replayed,
    cancelled: record.error === 'HANSE_SESSION_CANCELLED',
    tokens_prompt: record.inputTokens,
    tokens_completion: record.outputTokens,
    latency: firstMs ?? null,
    generation_time: totalMs,
    total_cost: euroOf(amount),
    currency: 'EUR',
    cost_pico_euro: amount.toString(),
    tags: facts.tags,
    sessions: outcomes.map((outcome) => sessionRow(outcome, parts)),
  }
}

function sessionRow(outcome: SessionOutcome, parts: readonly AnswerPart[]): object {
  const { session, provider, reason, last } = outcome
  const part = parts.find((each) => each.session === session)
  return {
    session,
    provider,
    country: part?.country ?? null,
    model: part?.model ?? null,
    reason,
    input_tokens: Number(last?.inputTokens ?? 0n),
    output_tokens: Number(last?.outputTokens ?? 0n),
    cost_pico_euro: (last?.amount ?? 0n).toString(),
    bundle: `/hanse/v1/bundles/${session}`,
  }
}
