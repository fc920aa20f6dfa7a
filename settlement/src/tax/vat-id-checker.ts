/** What is known of a VAT id, kept with every document that rests on it. */
export interface VatIdCheck {
  /** Normal form, with its prefix. */
  readonly vatId: string
  readonly valid: boolean
  /** Who says so: VIES, or an operator who looked it up. */
  readonly source: 'vies' | 'operator'
  /** Milliseconds since 1970. */
  readonly at: number
  /** VIES' consultation number, or what an operator has on file; the evidence towards a tax office. */
  readonly consultation: string | null
  readonly name: string | null
  readonly address: string | null
}

/** No answer is not a no: the customer is asked again later, and taxed as without a VAT id until then. */
export type VatIdAnswer =
  | { readonly status: 'checked'; readonly check: VatIdCheck }
  | { readonly status: 'unavailable'; readonly reason: string }

/** Asks a register whether a VAT id exists. */
export interface VatIdChecker {
  check(vatId: string): Promise<VatIdAnswer>
}

/**
 * A result is good for a quarter: the longest period of the statements in which reverse-charged supplies are reported.
 */
export const CHECK_AGE_MS_MAX = 92 * 86_400_000

/** What an operator has confirmed by hand, where VIES does not answer or does not know a number yet. */
export function confirmedByOperator(confirmation: {
  readonly vatId: string
  readonly valid: boolean
  /** Milliseconds since 1970. */
  readonly at: number
  /** Where the proof is: a letter, a screenshot, a register's reference. */
  readonly reference: string
}): VatIdCheck {
  const { vatId, valid, at, reference } = confirmation
  return {
    vatId,
    valid,
    source: 'operator',
    at,
    consultation: reference,
    name: null,
    address: null,
  }
}
