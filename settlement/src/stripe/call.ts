import type Stripe from 'stripe'
import { paymentsErrorOf } from './payments-error-of.ts'

/** The only currency of the marketplace. */
export const currency = 'eur'
/** Metadata that leads from an object of Stripe's back to our own row. */
export const operationMark = 'hanse_operation'
export const organizationMark = 'hanse_organization'
/** Stripe's largest page: fewest requests against 25 a second. */
export const pageMax = 100

/** Stripe's key has at most 255 characters; the rest is our prefix. */
const operationPattern = /^[\w.:-]{1,200}$/

/** Metadata of an object that one operation made, for one organization if it has one. */
export function marks(operation: string, organization?: string): Record<string, string> {
  return {
    [operationMark]: operation,
    ...(organization !== undefined && { [organizationMark]: organization }),
  }
}

/** One operation may need several calls, so the kind is part of the key. */
export function keyed(kind: string, operation: string, account?: string): Stripe.RequestOptions {
  if (!operationPattern.test(operation))
    throw new RangeError('operation: 1 to 200 of A-Z a-z 0-9 _ . : -')
  return { idempotencyKey: `hanse-${kind}-${operation}`, ...on(account) }
}

/** The connected account that is asked about; without one, the platform. */
export function on(account: string | undefined): Stripe.RequestOptions {
  return account === undefined ? {} : { stripeAccount: account }
}

/** @throws {PaymentsError} in place of Stripe's errors; others pass. */
export async function ask<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw paymentsErrorOf(error)
  }
}

/** Every item of a list, page by page. @throws {PaymentsError} in place of Stripe's errors. */
export async function* each<T>(list: AsyncIterator<T>): AsyncIterable<T> {
  for (;;) {
    const next = await ask(() => list.next())
    if (next.done === true) return
    yield next.value
  }
}

/** Stripe's lists of values are open: what we do not know is taken for `otherwise`. */
export function known<T extends string>(value: unknown, values: readonly T[], otherwise: T): T {
  return values.find((it) => it === value) ?? otherwise
}

/** Fields of Stripe's hold an id, or the object itself where it was expanded. */
export function idOf(field: string | { readonly id: string } | null | undefined) {
  return typeof field === 'string' ? field : field?.id
}

export function msOf(seconds: number): number {
  return seconds * 1_000
}

/** Stripe counts whole seconds. */
export function secondsOf(ms: number): number {
  return Math.floor(ms / 1_000)
}

/** A field of what is not typed: an event's object is one of a hundred types. */
export function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

export function stringOf(value: unknown, key: string): string | undefined {
  const field = fieldOf(value, key)
  return typeof field === 'string' ? field : undefined
}
