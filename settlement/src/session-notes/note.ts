import { cidOf, receipt, type SessionNote } from '@hanse/protocol'

/** A note as it is written down, before anybody has looked whose session it is. */
export interface GivenNote {
  /** CID of the order. */
  readonly session: string
  readonly tags: readonly string[]
  /** Empty where it is not told. */
  readonly user: string
  /** Milliseconds; null where it is not known. */
  readonly firstMs: number | null
  readonly totalMs: number | null
  /** CID of the receipt that came with it, and when the provider signed that, milliseconds since 1970. */
  readonly receipt: string | null
  readonly receiptAt: number | null
}

/** @throws {HanseError} HANSE_RECORD_* when the bytes of a receipt are none */
export function givenNote({ session, user, firstMs, totalMs, ...note }: SessionNote): GivenNote {
  const shown = note.receipt
  return {
    session,
    tags: [...new Set(note.tags)].sort(),
    user: user ?? '',
    firstMs,
    totalMs,
    receipt: shown === null ? null : cidOf(shown).toString(),
    receiptAt: shown === null ? null : receipt.decode(shown).at,
  }
}
