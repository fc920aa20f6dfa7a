import { type SettlementCode, SettlementError } from '../errors.ts'
import type { RepositoryMethod } from './repository.ts'

// The messages between the API's thread and the one that owns PGlite.

export type WorkerRequest =
  | { readonly id: number; readonly method: RepositoryMethod; readonly args: readonly unknown[] }
  | { readonly id: number; readonly method: 'fsyncCount' | 'close'; readonly args: readonly [] }

export type WorkerReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly fault: WireFault }
  /** The database is open, or could not be opened. */
  | { readonly ready: true }
  | { readonly ready: false; readonly fault: WireFault }

/** A structured clone of an Error drops its class and its own properties: the code crosses by itself. */
export interface WireFault {
  readonly code: SettlementCode | undefined
  readonly message: string
  readonly stack: string | undefined
}

export function faultOf(error: unknown): WireFault {
  if (!(error instanceof Error))
    return { code: undefined, message: String(error), stack: undefined }
  const code = error instanceof SettlementError ? error.code : undefined
  const cause = error.cause instanceof Error && code === undefined ? `: ${error.cause.message}` : ''
  return { code, message: error.message.slice(0, 2000) + cause, stack: error.stack }
}

/** The error as it was thrown in the worker, whose stack is kept. */
export function errorOf({ code, message, stack }: WireFault): Error {
  const error = code === undefined ? new Error(message) : new SettlementError(code, message)
  if (stack !== undefined) error.stack = stack
  return error
}
