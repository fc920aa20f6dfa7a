export const DOCUMENT_KINDS = [
  'advance-invoice',
  'credit-note',
  'usage-statement',
  'provider-statement',
] as const
export type DocumentKind = (typeof DOCUMENT_KINDS)[number]

/** Of each kind and year one series, whose numbers have no gaps. */
export const SERIES: Record<DocumentKind, string> = {
  'advance-invoice': 'INV',
  'credit-note': 'CN',
  'usage-statement': 'USE',
  'provider-statement': 'SB',
}

/** Who sells or buys, as known on the day of issue. */
export interface Party {
  /** An organization's id, or a peer id. */
  readonly id: string
  readonly name: string
  readonly street: string | null
  readonly postalCode: string | null
  readonly city: string | null
  /** ISO 3166-1 alpha-2; null where nobody has said. */
  readonly country: string | null
  readonly vatId: string | null
  /** A national tax number, where there is no VAT id. */
  readonly taxNumber: string | null
  /** Of the company register. */
  readonly registration: string | null
  readonly email: string | null
}

/** EN 16931: standard rate, reverse charge, exempt, outside the scope of the tax. */
export type Category = 'S' | 'AE' | 'E' | 'O'

/** The one VAT breakdown that a document has. */
export interface DocumentTax {
  readonly category: Category
  readonly rateBps: number
  /** Why: see `TaxRule`, and `small-business` and `private` for providers. */
  readonly rule: string
  /** Where it is taxed, ISO 3166-1 alpha-2: what the one-stop shop is told; null where it is not. */
  readonly state: string | null
  readonly note: string | null
  /** When the buyer's VAT id was confirmed (milliseconds since 1970), and the proof of it. */
  readonly vatIdCheck: { readonly at: number; readonly consultation: string | null } | null
}

/** Where the records behind a line are found. */
export type LineSource =
  | { readonly type: 'payment'; readonly id: string; readonly reference: string | null }
  | { readonly type: 'refund'; readonly id: string; readonly reference: string | null }
  /** Receipts with this model, of the document's party, booked in its month. */
  | { readonly type: 'receipts'; readonly model: string }
  /** The platform's fee on the receipts of the month. */
  | { readonly type: 'fees' }

export interface DocumentLine {
  /** From 1 on. */
  readonly number: number
  readonly label: 'top-up' | 'subscription' | 'refund' | 'usage' | 'fee'
  /** A model, or a plan's invoice. */
  readonly detail: string | null
  /** Sessions and receipts behind it; null where there are none. */
  readonly sessions: number | null
  readonly receipts: number | null
  /** Exact, in pico-euro, where it is usage. */
  readonly exact: bigint | null
  /** Its part of the total, whole cents, below zero for what is taken off. */
  readonly cents: bigint
  readonly source: LineSource
}

/** What moved a party's money in the month; pico-euro, above zero where we owe more after it. */
export interface Movement {
  readonly kind: string
  readonly amount: bigint
}

export interface AccountStatement {
  readonly opening: bigint
  readonly movements: readonly Movement[]
  readonly closing: bigint
  /** Of the closing balance: earnings that wait for their day. Only a provider's. */
  readonly heldBack: bigint | null
  /** What the party owes us. */
  readonly debt: bigint
}

/** What less than a cent is carried from month to month; pico-euro, below one cent. */
export interface Carry {
  readonly from: bigint
  readonly to: bigint
}

/** Everything that a document says, before it has a number. */
export interface DocumentDraft {
  readonly format: 'hanse.document.v1'
  readonly kind: DocumentKind
  readonly subject: string
  readonly currency: 'EUR'
  /** Issued with the seller's data of a trial: nobody owes anything for it. */
  readonly test: boolean
  readonly seller: Party
  readonly buyer: Party
  /** The tax point: when the advance was paid, or the last instant of the month. Milliseconds since 1970. */
  readonly taxPoint: number
  /** Half open. Milliseconds since 1970. */
  readonly period: { readonly from: number; readonly to: number } | null
  /** The invoice that a credit note corrects. */
  readonly corrects: { readonly number: string; readonly issuedAt: number } | null
  readonly lines: readonly DocumentLine[]
  /** null on what is no invoice: see `isInvoice`. */
  readonly tax: DocumentTax | null
  readonly totals: {
    readonly netCents: bigint
    readonly vatCents: bigint
    readonly grossCents: bigint
  }
  /** Of the total, what was paid before the document was issued. */
  readonly paidCents: bigint
  readonly carry: Carry | null
  readonly account: AccountStatement | null
  /** Advances that were invoiced in the month. */
  readonly advances: readonly {
    readonly number: string
    readonly kind: DocumentKind
    readonly grossCents: bigint
  }[]
  /** Under which terms the buyer writes the seller's invoice. */
  readonly selfBilling: { readonly terms: string; readonly agreedAt: number } | null
}

export interface DocumentContent extends DocumentDraft {
  readonly number: string
  /** Milliseconds since 1970. */
  readonly issuedAt: number
}

/** Whether it is an invoice or a credit note in the sense of the law, with VAT and an XML form. */
export const isInvoice = ({ tax, kind }: Pick<DocumentDraft, 'tax' | 'kind'>): boolean =>
  tax !== null && kind !== 'usage-statement'
