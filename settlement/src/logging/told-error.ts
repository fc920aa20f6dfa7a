import { HanseError } from '@hanse/protocol'
import { databaseFault } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { PaymentsError } from '../stripe/payments-error.ts'

/** What of an error may be logged: nothing that could quote what was stored or sent. */
export interface ToldError {
  readonly type: string
  readonly code?: string
  readonly sqlstate?: string
  readonly constraint?: string
  readonly message: string
  /** Behind an error of ours, what may be said of its cause. */
  readonly because?: string
  /** Frames alone. */
  readonly stack?: string
}

/**
 * An error without its data. Drizzle's message has every parameter of the statement, and a database's own words quote
 * rows: of both only SQLSTATE and constraint are told, and of no error its query, its parameters or its cause's text.
 */
export function toldError(error: unknown): ToldError {
  const fault = isOwn(error) ? undefined : databaseFault(error)
  const code = codeOf(error)
  const stack = framesOf(error)
  return {
    type: error instanceof Error ? error.constructor.name : typeof error,
    ...(code !== undefined && { code }),
    ...(fault !== undefined && { sqlstate: fault.code }),
    ...(fault !== undefined && fault.constraint !== '' && { constraint: fault.constraint }),
    message: wordsOf(error),
    ...(isOwn(error) && error.cause !== undefined && { because: wordsOf(error.cause) }),
    ...(stack !== undefined && { stack }),
  }
}

/** The message where it is ours, else what can be said without the one it has. */
export function wordsOf(error: unknown): string {
  if (isOwn(error)) return error.message
  const fault = databaseFault(error)
  if (fault !== undefined) return `SQL ${fault.code} ${fault.constraint}`.trim()
  if (!(error instanceof Error)) return 'not an error'
  const { syscall } = error as NodeJS.ErrnoException
  const code = codeOf(error)
  // Where the operating system refused; its own message may have a path with a name in it.
  if (typeof syscall === 'string' && code !== undefined) return `${syscall} ${code}`
  return code === undefined ? error.constructor.name : `${error.constructor.name} ${code}`
}

/** Whose message was written by us, without data that is not to be told. */
export function isOwn(error: unknown): error is SettlementError | HanseError | PaymentsError {
  return (
    error instanceof SettlementError ||
    error instanceof HanseError ||
    error instanceof PaymentsError
  )
}

const FRAME = /^ {4}at [^\n]{1,1000}$/u

/** The stack begins with the message, which may have lines that look like frames. */
export function framesOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined
  const { stack, message } = error
  const start = stack.indexOf(message)
  // The message was changed after the stack was made: nobody knows where it ends there.
  if (start < 0) return undefined
  const lines = stack.slice(start + message.length).split('\n')
  return lines.filter((line) => FRAME.test(line)).join('\n')
}

function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/u.test(code) ? code : undefined
}
