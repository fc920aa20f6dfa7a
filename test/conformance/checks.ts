import type { Fields } from './fields.ts'
import type { Opened, Signed, Signer } from './records.ts'
import type { Remembered } from './settlement.ts'

export interface Trust {
  readonly network?: string
  readonly attestors?: readonly string[]
  readonly settlements?: readonly string[]
  /** A checkpoint of the settlement's log from another time. */
  readonly checkpoint?: Remembered
}

export type Status = 'ok' | 'unproved' | 'failed'

/** Runs one check and notes what came of it; `unproved` says that it rests on somebody whom nobody has said to trust. */
export type Attempt = <Result>(id: string, run: (unproved: () => void) => Result) => Result

/** The records of a bundle. */
export interface Parts {
  readonly network: string
  readonly all: (kind: string) => readonly Signed[]
  readonly one: (kind: string) => Signed
  readonly open: (
    type: string,
    signed: Signed,
    signers: readonly Signer[] | ((fields: Fields) => readonly Signer[]),
  ) => Opened
}

export function fail(why: string): never {
  throw new Error(why)
}

/** Whether a signer is one of those that the reader trusts, where the reader has said so. */
export function isTrusted(
  signer: string,
  trusted: readonly string[] | undefined,
  unproved: () => void,
): void {
  if (trusted === undefined) unproved()
  else if (!trusted.includes(signer)) fail(`${signer} is not trusted`)
}
