import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import {
  draftProviderStatement,
  draftUsageStatement,
  NO_PREVIOUS,
  previousOf,
} from './build-month.ts'
import { draftCreditNote, draftInvoice, type Sides } from './build-payment.ts'
import { canonicalJson } from './canonical-json.ts'
import type { DocumentContent, DocumentDraft } from './document.ts'
import { digestCid } from './document-digest.ts'
import { readDocument } from './document-schema.ts'
import { figuresOf } from './figures-of.ts'
import { taxOn } from './issue-due.ts'
import { monthOf } from './month.ts'
import { hashOf, type StoredDocument } from './stored-document.ts'

export interface DocumentCheck {
  readonly number: string
  /** Whether the records give the same, to the last byte, and the log was told of these words. */
  readonly sound: boolean
  /** What was compared: of who was erased, all but the names, which are not opened for this. */
  readonly compared: 'document' | 'figures'
  /** CID under which the log proves that it was issued with these words; null where the log was not told of them. */
  readonly logged: string | null
  /** SHA-256 of what was compared, hexadecimal. */
  readonly stored: string
  readonly derived: string
  /** The parts that differ, as the records have them and as the document says. */
  readonly differences: readonly {
    readonly field: string
    readonly expected: string
    readonly actual: string
  }[]
}

/**
 * Makes a document again out of receipts, payments and the ledger, and compares. Who the two sides were on the day of issue,
 * and a provider's VAT rule, are no records of ours and are taken from the document. That the document is the one that was issued
 * the log says, whatever became of the database since.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND when there is no such document
 */
export async function verifyDocument(
  store: SettlementStore,
  number: string,
): Promise<DocumentCheck> {
  const stored = await store.document(number)
  if (stored === undefined) throw new SettlementError('HANSE_NOT_FOUND', `no document ${number}`)
  const compared = stored.content === null ? 'figures' : 'document'
  const bytes = stored.content ?? stored.figures
  const said = readDocument(bytes)
  const draft = await draftAgain(store, stored, said)
  const whole: DocumentContent = { ...draft, number: said.number, issuedAt: said.issuedAt }
  const derived = stored.content === null ? figuresOf(whole) : whole
  const hash = hex(hashOf(Buffer.from(canonicalJson(derived))))
  const differences = compare(derived, said)
  // What is stored must be what is hashed, and nothing but the canonical form of it.
  const kept = hex(hashOf(bytes))
  const isKept = stored.content === null || kept === hex(stored.sha256)
  const cid = digestCid(stored)
  const logged = (await store.isDocumentTold(cid)) ? cid : null
  const sound = isKept && hash === kept && logged !== null
  return { number, sound, compared, logged, stored: kept, derived: hash, differences }
}

async function draftAgain(
  store: SettlementStore,
  stored: StoredDocument,
  said: DocumentContent,
): Promise<DocumentDraft> {
  const sides: Sides = { seller: said.seller, buyer: said.buyer, test: said.test }
  switch (said.kind) {
    case 'advance-invoice': {
      const facts = await store.paymentFacts(said.subject)
      if (facts === undefined) throw gone(said)
      return draftInvoice(facts, facts.source === 'top-up' ? taxOn(facts) : said.tax, sides)
    }
    case 'credit-note': {
      const facts = await store.refundFacts(said.subject)
      const invoice = facts && (await store.document(facts.invoice))
      if (facts === undefined || invoice === undefined) throw gone(said)
      return draftCreditNote(facts, readDocument(invoice.content ?? invoice.figures))
    }
    case 'usage-statement':
    case 'provider-statement':
      return draftMonthAgain(store, stored, said, sides)
  }
}

async function draftMonthAgain(
  store: SettlementStore,
  { organization, provider }: StoredDocument,
  said: DocumentContent,
  sides: Sides,
): Promise<DocumentDraft> {
  const party = organization ?? provider
  if (said.period === null || party === null) throw gone(said)
  const { period, kind } = said
  const range = await store.transferRange(period)
  const owner = kind === 'usage-statement' ? 'organization' : 'provider'
  const facts = await store.monthFacts({ kind: owner, id: party }, period, range)
  const statement = kind === 'usage-statement' ? kind : 'provider-statement'
  const before = await store.statementBefore(statement, party, period.from)
  const previous = before === undefined ? NO_PREVIOUS : previousOf(readDocument(before.figures))
  const terms = { month: monthOf(period.from), party, sides, previous }
  return kind === 'usage-statement'
    ? draftUsageStatement(facts, { ...terms, advances: said.advances })
    : draftProviderStatement(facts, { ...terms, tax: said.tax, selfBilling: said.selfBilling })
}

function compare(expected: DocumentContent, actual: DocumentContent) {
  const fields = Object.keys({ ...expected, ...actual }) as (keyof DocumentContent)[]
  return fields.flatMap((field) => {
    const [records, says] = [canonicalJson(expected[field]), canonicalJson(actual[field])]
    return records === says ? [] : [{ field, expected: records, actual: says }]
  })
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const gone = ({ number }: DocumentContent) =>
  new SettlementError('HANSE_INTERNAL', `the records behind ${number} are gone`)
