import { invalidRequest } from './fault.ts'
import type { State } from './state.ts'

const depthMax = 4 // docs.stripe.com/api/expanding_objects

/** A copy of an answer in which each path of `expand` is an object in place of its id. */
export function expanded(state: State, answer: unknown, paths: readonly string[]): unknown {
  if (paths.length === 0) return answer
  const copy: unknown = structuredClone(answer)
  for (const path of paths) {
    const parts = path.split('.')
    if (parts.length > depthMax) throw unknownPath(path)
    expandPath(state, copy, parts, path)
  }
  return copy
}

function expandPath(state: State, value: unknown, parts: readonly string[], path: string): void {
  const [key, ...rest] = parts
  if (key === undefined || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) expandPath(state, item, parts, path)
    return
  }
  if (typeof value !== 'object' || !Object.hasOwn(value, key)) throw unknownPath(path)
  const field: unknown = Reflect.get(value, key)
  const object = typeof field === 'string' ? structuredClone(objectById(state, field)) : field
  if (typeof field === 'string' && object === undefined) throw unknownPath(path)
  Reflect.set(value, key, object)
  expandPath(state, object, rest, path)
}

function objectById(state: State, id: string): object | undefined {
  return (
    state.charges.get(id)?.object ??
    state.balanceTransactions.get(id)?.object ??
    state.customers.get(id) ??
    state.paymentMethods.get(id)?.object ??
    state.paymentIntents.get(id) ??
    state.setupIntents.get(id) ??
    state.refunds.get(id) ??
    state.subscriptions.get(id) ??
    state.invoices.get(id) ??
    state.products.get(id) ??
    state.disputes.get(id) ??
    state.transfers.get(id) ??
    state.payouts.get(id)?.object ??
    reversalById(state, id)
  )
}

function reversalById(state: State, id: string): object | undefined {
  if (!id.startsWith('trr_')) return undefined
  for (const { reversals } of state.transfers.values()) {
    const found = reversals.data.find((reversal) => reversal.id === id)
    if (found !== undefined) return found
  }
  return undefined
}

function unknownPath(path: string): Error {
  return invalidRequest(`This property cannot be expanded (${path}).`, undefined, 'expand')
}
