import { HanseError } from '@hanse/protocol'
import { type SettlementCode, SettlementError } from '../errors.ts'
import { toldError } from '../logging/told-error.ts'
import type { RepositoryMethod } from './repository.ts'

// The messages between the API's thread and the one that owns PGlite.

export interface WorkerOptions {
  /** Where the files are; in memory without. */
  readonly directory: string | null
  /** Only these. */
  readonly migrations?: readonly string[]
  /** See `PGliteOptions`. */
  readonly template?: string
}

export type WorkerRequest =
  | { readonly id: number; readonly method: RepositoryMethod; readonly args: readonly unknown[] }
  | { readonly id: number; readonly method: 'fsyncCount' | 'close'; readonly args: readonly [] }
  | {
      readonly id: number
      readonly method: 'executeSql'
      readonly args: readonly [text: string, values?: readonly unknown[]]
    }

export type WorkerReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly fault: WireFault }
  /** The database is open, or could not be opened. */
  | { readonly ready: true }
  | { readonly ready: false; readonly fault: WireFault }

/**
 * A structured clone of an Error drops its class and its own properties: the code crosses by itself. What else crosses
 * is what may be logged.
 */
export interface WireFault {
  readonly code: SettlementCode | undefined
  /** What the database itself says, five characters. */
  readonly sqlstate: string | undefined
  readonly constraint: string | undefined
  readonly retryAfterMs: number | undefined
  readonly message: string
  /** Frames alone. */
  readonly stack: string | undefined
}

export function faultOf(error: unknown): WireFault {
  const { sqlstate, constraint, message, stack } = toldError(error)
  const code =
    error instanceof SettlementError || error instanceof HanseError ? error.code : undefined
  const retryAfterMs = error instanceof SettlementError ? error.retryAfterMs : undefined
  return { code, sqlstate, constraint, retryAfterMs, message, stack }
}

/** The error as it was thrown in the worker, whose stack is kept. */
export function errorOf(fault: WireFault): Error {
  const { code, sqlstate, constraint, retryAfterMs, message, stack } = fault
  const again = retryAfterMs === undefined ? {} : { retryAfterMs }
  const error = code === undefined ? new Error(message) : new SettlementError(code, message, again)
  if (code === undefined && sqlstate !== undefined)
    Object.assign(error, { code: sqlstate, ...(constraint !== undefined && { constraint }) })
  if (stack !== undefined) error.stack = `${error.name}: ${message}\n${stack}`
  return error
}
