import type fc from 'fast-check'
import { HanseError, isErrorCode } from '../errors.ts'
import { bytesEqual } from '../wire.ts'

/** Something that takes bytes from strangers. */
export interface Target {
  readonly name: string
  readonly inputs: fc.Arbitrary<Uint8Array>
  /** `cheap` ones check no signatures, `signed` a few, `session` dozens. */
  readonly cost: 'cheap' | 'signed' | 'session'
  /** @throws when the input breaks what must hold of every input */
  readonly run: (input: Uint8Array) => void
}

/** What must never be. */
export class Broken extends Error {
  override readonly name = 'Broken'
}

export function mustHold(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Broken(what)
}

/**
 * What `run` gives, or `undefined` when it refuses: that is with a code of the table, and not one that hides a fault of
 * another kind. Anything else that it throws is passed on.
 */
export function unlessRefused<Result>(run: () => Result): Result | undefined {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof HanseError)) throw error
    mustBeRefusal(error)
    return undefined
  }
}

export function mustBeRefusal(error: HanseError): void {
  // A peer may say HANSE_INTERNAL itself; with a cause it is a fault of ours that was caught.
  if (error.code === 'HANSE_INTERNAL' && error.cause !== undefined) throw error.cause
  mustHold(isErrorCode(error.code), `no known code: ${String(error.code)}`)
  mustHold(error.message.length < 4096, 'a message as long as the input')
}

/** Accepted bytes are the only ones for their value. */
export function mustBeSame(bytes: Uint8Array, again: Uint8Array): void {
  mustHold(bytesEqual(bytes, again), 'accepted bytes encode to others')
}
