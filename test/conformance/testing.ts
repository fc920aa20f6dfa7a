import { Refused, unhex } from './bytes.ts'
import type { Signed } from './records.ts'

/** The code that `run` refuses with, or `accepted`. */
export function codeOf(run: () => unknown): string {
  try {
    run()
    return 'accepted'
  } catch (error) {
    if (error instanceof Refused) return error.code
    throw error
  }
}

/** Bytes that are not in the one right form: which of the two it is depends on the decoder. */
const ILL_FORMED = new Set(['HANSE_RECORD_MALFORMED', 'HANSE_RECORD_NOT_CANONICAL'])

/** Whether two implementations say the same; `null` is that the bytes are right. */
export function sameRefusal(code: string, expected: string | null): boolean {
  return (
    code === (expected ?? 'accepted') || (ILL_FORMED.has(code) && ILL_FORMED.has(expected ?? ''))
  )
}

export interface SignedJson {
  readonly bytes: string
  readonly signatures: readonly {
    readonly signer: string
    readonly role: string
    readonly signature: string
  }[]
}

export const signedOf = ({ bytes, signatures }: SignedJson): Signed => ({
  bytes: unhex(bytes),
  signatures: signatures.map((one) => ({ ...one, signature: unhex(one.signature) })),
})
