import type { z } from 'zod'
import { parseParams } from './params.ts'
import type { StripePrices } from './prices.ts'
import type { DueKind, State } from './state.ts'

/** What an operation may use. It runs in one turn, so it sees and leaves a whole state. */
export interface Context {
  readonly state: State
  /** Ids in the path, in their order. */
  readonly ids: readonly string[]
  /** The platform, or the account of the `Stripe-Account` header. */
  readonly account: string
  readonly nowMs: number
  readonly nowS: number
  readonly baseUrl: string
  readonly prices: StripePrices
  newId(prefix: string): string
  /** Has something happen by itself when the clock gets there. */
  later(kind: DueKind, subject: string, atMs: number): void
  /**
   * Records a v1 event with a copy of the object as it is now, and queues its webhooks. It is the
   * account's that the request was for, unless another is named.
   */
  emit(type: string, object: object, account?: string): void
  /** Records a v2 thin event about an account, and queues its webhooks. */
  emitThin(type: string, account: string, data?: Record<string, unknown>): void
}

export interface Operation {
  /** The operationId of the contract. */
  readonly name: string
  readonly method: 'DELETE' | 'GET' | 'POST'
  readonly path: string
  /** @throws {StripeFault} when the parameters are not valid; nothing is stored for the key then. */
  prepare(params: unknown): (context: Context) => unknown
}

interface Definition<P> {
  readonly name: string
  readonly method: 'DELETE' | 'GET' | 'POST'
  readonly path: string
  readonly params: z.ZodType<P>
  /** A refusal is thrown before the first change, unless the change is part of it (a decline). */
  readonly run: (params: P, context: Context) => unknown
}

export function operation<P>(definition: Definition<P>): Operation {
  const { name, method, path, params, run } = definition
  return {
    name,
    method,
    path,
    prepare(raw) {
      const parsed = parseParams(params, raw)
      return (context) => run(parsed, context)
    },
  }
}
