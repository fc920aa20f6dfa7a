import {
  checkConsistent,
  checkIncluded,
  checkSettled,
  openSettlementRecords,
} from '../audit/bundle-checks.ts'
import type { RememberedCheckpoint } from '../audit/verify-settlement-proof.ts'
import {
  authorizationSigners,
  type SpendAuthorization,
  spendAuthorization,
} from '../authorization/authorization.ts'
import { HanseError } from '../errors.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { findModel, type Offer, type OfferedModel, offer, offerSigners } from '../market/offer.ts'
import { formatEuro } from '../money.ts'
import type { Named, RecordType } from '../record/record.ts'
import { openSigned, type Role, type SignedRecord } from '../record/signed.ts'
import {
  attestationSigners,
  type RegionAttestation,
  regionAttestation,
} from '../region/attestation.ts'
import { checkResidency, provenLevel } from '../region/policy.ts'
import { isAnswered } from '../session/reasons.ts'
import {
  type Acceptance,
  acceptance,
  acceptanceSigners,
  type Order,
  order,
  orderSigners,
  QUOTE_ROUNDS_MAX,
  type Quote,
  quote,
  quoteSigners,
} from '../session/records.ts'
import { CLOCK_SKEW_MS } from '../session/review.ts'
import { isAtQuote, reorderFault } from '../session/rounds.ts'
import { type BundleKind, bundleManifest } from './bundle.ts'
import { readCar } from './car.ts'
import { priceTokens, type Receipt, receipt, receiptSigners } from './receipt.ts'

/** Whom the reader of a bundle believes. Without attestors or issuers those checks say so instead of failing. */
export interface TrustRoots {
  readonly network?: string
  /** Peer ids whose word on a location counts. */
  readonly attestors?: readonly string[]
  /** Peer ids of settlement services whose authorizations and logs count. */
  readonly settlements?: readonly string[]
  /** A checkpoint of the settlement's log from another time or another source. */
  readonly checkpoint?: RememberedCheckpoint
}

export type CheckId =
  | 'file'
  | 'manifest'
  | 'network'
  | 'order'
  | 'offer'
  | 'prices'
  | 'acceptance'
  | 'authorization'
  | 'residency'
  | 'receipt-signatures'
  | 'receipt-chain'
  | 'amounts'
  | 'limits'
  | 'times'
  | 'ending'
  | 'settlement'
  | 'inclusion'
  | 'consistency'

export interface Check {
  readonly id: CheckId
  /** `unproved`: nothing wrong, but it rests on somebody that the reader has not said to trust. */
  readonly status: 'ok' | 'unproved' | 'failed'
  readonly detail: string
}

export interface BundleReport {
  /** No check failed. */
  readonly verified: boolean
  readonly checks: readonly Check[]
  /** What the bundle proves; only when verified. */
  readonly summary?: {
    readonly session: string
    readonly consumer: string
    readonly provider: string
    readonly country: string
    readonly model: string
    readonly inputTokens: bigint
    readonly outputTokens: bigint
    readonly amount: bigint
    readonly receipts: number
    readonly final: string | null
    /** The session whose answer this one goes on with: a failover in mid-answer. */
    readonly continues: string | null
  }
  /** What a replay needs; only when verified. */
  readonly session?: BundledSession
}

export interface BundledSession {
  /** As it was offered. */
  readonly model: OfferedModel
  readonly order: Named<Order>
  readonly acceptance: Named<Acceptance>
  readonly last: Named<Receipt>
}

/** Checks a bundle, one line per check. Never throws on bad input: what is wrong is a failed check. */
export function verifyBundle(bytes: Uint8Array, trust: TrustRoots = {}): BundleReport {
  const checks: Check[] = []
  /** Runs one check; a throw is its failure. What depends on a failed check is not tried. */
  const attempt = <Result>(id: CheckId, run: () => [Result, string, Check['status']?]): Result => {
    try {
      const [result, detail, status = 'ok'] = run()
      checks.push({ id, status, detail })
      return result
    } catch (error) {
      checks.push({ id, status: 'failed', detail: describe(error) })
      throw new Stop()
    }
  }
  try {
    return { verified: true, checks, ...runChecks(bytes, trust, attempt) }
  } catch (error) {
    if (!(error instanceof Stop)) {
      checks.push({ id: 'file', status: 'failed', detail: describe(error) })
    }
    return { verified: false, checks }
  }
}

const NOTHING_TO_SETTLE = ['nothing to settle: the order cites no authorization', 'ok'] as const

class Stop extends Error {}

type Attempt = <Result>(id: CheckId, run: () => [Result, string, Check['status']?]) => Result

function runChecks(
  bytes: Uint8Array,
  trust: TrustRoots,
  attempt: Attempt,
): Required<Pick<BundleReport, 'summary' | 'session'>> {
  const car = attempt('file', () => {
    const file = readCar(bytes)
    return [file, `CAR file of ${file.blocks.length} blocks, each hashing to its name`]
  })
  const manifest = attempt('manifest', () => {
    const [head, ...rest] = car.blocks
    if (head === undefined || !head.cid.equals(car.root)) fail('the root is not the first block')
    const value = bundleManifest.decode(head.bytes)
    if (rest.length !== value.records.length) fail('records missing or too many')
    const records = value.records.map((entry, i) => {
      const block = rest[i]
      if (block === undefined || !block.cid.equals(entry.cid))
        fail(`block ${i} is not ${entry.cid.toString()}`)
      return { kind: entry.kind, bytes: block.bytes, signatures: entry.signatures }
    })
    return [{ network: value.network, records }, `${records.length} records, all present`]
  })
  const context = { network: manifest.network }
  attempt('network', () => {
    if (trust.network !== undefined && trust.network !== manifest.network) {
      fail(`signed for network ${manifest.network}, expected ${trust.network}`)
    }
    return [undefined, manifest.network]
  })

  const all = (kind: BundleKind): SignedRecord[] => manifest.records.filter((r) => r.kind === kind)
  const one = (kind: BundleKind): SignedRecord => {
    const [first, second] = all(kind)
    if (first === undefined || second !== undefined) fail(`there must be exactly one ${kind}`)
    return first
  }
  const open = <Value>(
    type: RecordType<Value>,
    record: SignedRecord,
    signers: (value: Value) => readonly { signer: PeerId; role: Role }[],
  ): Named<Value> => openSigned(context, type, record, signers)

  const ordered: Named<Order> = attempt('order', () => {
    const opened = open(order, one('order'), orderSigners)
    const { consumer, continues } = opened.value
    const how = continues === null ? '' : `; goes on with the answer of ${continues.toString()}`
    return [opened, `signed by consumer ${short(consumer)}${how}`]
  })
  const offered: Named<Offer> = attempt('offer', () => {
    const opened = open(offer, one('offer'), offerSigners)
    if (!opened.cid.equals(ordered.value.offer)) fail('the order cites another offer')
    if (opened.value.provider !== ordered.value.provider) fail('the offer is by another provider')
    return [opened, `signed by provider ${short(opened.value.provider)} in ${opened.value.country}`]
  })
  const sold = attempt('prices', () => {
    const model = findModel(offered.value, ordered.value.model)
    if (model === undefined) fail(`${ordered.value.model} is not in the offer`)
    const asked = all('quoted-order').map((record) => open(order, record, orderSigners))
    const quotes = all('quote').map((record) => open(quote, record, quoteSigners))
    checkRounds(asked, quotes, ordered)
    const agreed = quotes.at(-1)?.value
    if (!isAtQuote(ordered.value, agreed ?? model)) fail('ordered below the asked prices')
    const which = agreed === undefined ? 'offered' : 'quoted'
    return [model, `${ordered.value.model} at the ${which} prices`]
  })
  const accepted: Named<Acceptance> = attempt('acceptance', () => {
    const opened = open(acceptance, one('acceptance'), acceptanceSigners)
    const { order: cites, provider, consumer } = opened.value
    if (!cites.equals(ordered.cid)) fail('accepts another order')
    if (provider !== ordered.value.provider || consumer !== ordered.value.consumer)
      fail('other peers')
    const { determinism } = opened.value
    if (determinism !== null && determinism.digest !== sold.digest)
      fail('answered with other weights than offered')
    const again = determinism === null ? '' : `; reproducible with seed ${determinism.seed}`
    return [opened, `signed by provider ${short(provider)}${again}`]
  })
  const authorized: Named<SpendAuthorization> | undefined = attempt('authorization', () => {
    if (ordered.value.authorization === null) {
      if (all('authorization').length > 0) fail('an authorization that the order does not cite')
      return [undefined, 'none: served on unsecured credit or for free']
    }
    const opened = open(spendAuthorization, one('authorization'), authorizationSigners)
    const { consumer, provider, issuer, limit } = opened.value
    if (!opened.cid.equals(ordered.value.authorization))
      fail('the order cites another authorization')
    if (consumer !== ordered.value.consumer || provider !== ordered.value.provider)
      fail('for other peers')
    const detail = `up to ${formatEuro(limit)} by settlement ${short(issuer)}`
    return [opened, ...trusted(detail, issuer, trust.settlements, '--trust')]
  })
  attempt('residency', () =>
    checkEvidence(ordered.value, offered.value, all('attestation'), open, accepted.value.at, trust),
  )

  const receipts: Named<Receipt>[] = attempt('receipt-signatures', () => {
    const signers = receiptSigners(ordered.value.consumer, ordered.value.provider)
    const opened = all('receipt').map((record) => open(receipt, record, signers))
    if (opened.length === 0) fail('no receipt')
    return [opened, `${opened.length} receipts, each signed by both sides`]
  })
  attempt('receipt-chain', () => {
    for (const [i, { value }] of receipts.entries()) {
      const before = receipts[i - 1]
      if (!value.acceptance.equals(accepted.cid)) fail(`receipt ${i} is for another session`)
      if (value.sequence !== BigInt(i)) fail(`receipt ${i} has sequence ${value.sequence}`)
      const linked =
        before === undefined ? value.previous === null : value.previous?.equals(before.cid) === true
      if (!linked) fail(`receipt ${i} does not link to the one before`)
      if (before !== undefined && fell(before.value, value)) fail(`totals fell at receipt ${i}`)
    }
    return [undefined, 'numbered, linked, and never lower than the one before']
  })
  const lastReceipt = receipts.at(-1)
  if (lastReceipt === undefined) throw new Stop()
  const last = lastReceipt.value
  attempt('amounts', () => {
    for (const { value } of receipts) {
      if (value.amount !== priceTokens(ordered.value, value))
        fail(`receipt ${value.sequence}: not tokens times price`)
      if (value.cachedInputTokens > value.inputTokens)
        fail(`receipt ${value.sequence}: more cached than input tokens`)
    }
    return [undefined, `${formatEuro(last.amount)} is exactly tokens times price`]
  })
  attempt('limits', () => {
    const { maxOutputTokens, creditWindow } = ordered.value
    if (last.outputTokens > maxOutputTokens) fail('more output tokens than ordered')
    if (last.inputTokens > accepted.value.inputTokens) fail('more input tokens than accepted')
    if (accepted.value.inputTokens > ordered.value.maxInputTokens)
      fail('accepted more than ordered')
    for (const [i, { value }] of receipts.entries()) {
      const increase = value.amount - (receipts[i - 1]?.value.amount ?? 0n)
      if (increase > creditWindow) fail(`receipt ${i} asks for more than one credit window`)
    }
    if (authorized !== undefined && last.amount > authorized.value.limit)
      fail('beyond the authorization')
    return [
      undefined,
      `${last.inputTokens} in, ${last.outputTokens} out, within order and authorization`,
    ]
  })
  attempt('times', () => {
    const { value: a } = accepted
    if (a.at >= offered.value.notAfter + CLOCK_SKEW_MS) fail('accepted after the offer expired')
    if (a.at < ordered.value.issuedAt - CLOCK_SKEW_MS) fail('accepted before it was ordered')
    if (a.at >= ordered.value.notAfter + CLOCK_SKEW_MS) fail('accepted after the order expired')
    if (authorized !== undefined && a.at >= authorized.value.notAfter)
      fail('accepted after the authorization expired')
    let before = a.at
    for (const { value } of receipts) {
      if (value.at < before || value.at > a.notAfter)
        fail(`receipt ${value.sequence} is dated outside the session`)
      before = value.at
    }
    return [undefined, `accepted at ${new Date(a.at).toISOString()}`]
  })
  attempt('ending', () => {
    const others = receipts.slice(0, -1).some(({ value }) => value.final !== null)
    if (others) fail('a receipt after the final one')
    if (last.final === null) return [undefined, 'no final receipt: the session was cut', 'unproved']
    return [undefined, `${last.final}${isAnswered(last.final) ? '' : ' (not a whole answer)'}`]
  })
  const nothingOwed = ordered.value.authorization === null
  const settled = attempt('settlement', () => {
    const records = openSettlementRecords(all('log-key'), all('settlement-proof'))
    if (nothingOwed && records === undefined) return [undefined, ...NOTHING_TO_SETTLE]
    const session = { order: ordered.cid, receipt: lastReceipt.cid }
    return [records, ...checkSettled(context, records?.proof, session)]
  })
  const issuer = authorized?.value.issuer
  const included = attempt('inclusion', () =>
    nothingOwed && settled === undefined
      ? [undefined, ...NOTHING_TO_SETTLE]
      : checkIncluded(context, settled, issuer, trust.settlements),
  )
  attempt('consistency', () =>
    nothingOwed && settled === undefined
      ? [undefined, ...NOTHING_TO_SETTLE]
      : [undefined, ...checkConsistent(included, settled?.proof, trust.checkpoint)],
  )
  const { provider, consumer, model } = ordered.value
  const { inputTokens, outputTokens, amount, final } = last
  const { country } = offered.value
  const summary = {
    session: ordered.cid.toString(),
    consumer,
    provider,
    country,
    model,
    inputTokens,
    outputTokens,
    amount,
    receipts: receipts.length,
    final,
    continues: ordered.value.continues?.toString() ?? null,
  }
  return {
    summary,
    session: { model: sold, order: ordered, acceptance: accepted, last: lastReceipt },
  }
}

/** Each quote answers the order before it, and the order after it cites the quote and changes only what it may. */
function checkRounds(
  asked: readonly Named<Order>[],
  quotes: readonly Named<Quote>[],
  last: Named<Order>,
): void {
  if (asked.length !== quotes.length) fail('a quote without its order')
  if (quotes.length > QUOTE_ROUNDS_MAX) fail(`more than ${QUOTE_ROUNDS_MAX} rounds`)
  const orders = [...asked, last]
  if (orders[0]?.value.quote !== null) fail('a quote is missing')
  for (const [i, answer] of quotes.entries()) {
    const before = orders[i]
    const next = orders[i + 1]
    if (before === undefined || next === undefined) fail('a quote without its order')
    const { order: cites, consumer, provider, round } = answer.value
    if (!cites.equals(before.cid) || round !== i + 1) fail(`quote ${i + 1} is of another order`)
    if (consumer !== last.value.consumer || provider !== last.value.provider) fail('other peers')
    const fault = reorderFault(before.value, answer, next.value)
    if (fault !== undefined) fail(`round ${i + 1}: ${fault}`)
  }
}

function checkEvidence(
  ordered: Order,
  offered: Offer,
  records: readonly SignedRecord[],
  open: <Value>(
    type: RecordType<Value>,
    record: SignedRecord,
    signers: (value: Value) => readonly { signer: PeerId; role: Role }[],
  ) => Named<Value>,
  at: number,
  trust: TrustRoots,
): [undefined, string, Check['status']?] {
  const attestations: RegionAttestation[] = records.map((record) => {
    const opened = open(regionAttestation, record, attestationSigners)
    if (!offered.attestations.some((cited) => cited.equals(opened.cid)))
      fail('the offer does not cite an attestation')
    return opened.value
  })
  const issuers = attestations.map(({ issuer }) => issuer)
  const trustedAttestors = trust.attestors ?? issuers
  const node = { peerId: offered.provider, country: offered.country }
  const fault = checkResidency(node, attestations, { ...ordered.residency, trustedAttestors }, at)
  if (fault !== undefined) fail(`the provider does not satisfy the order: ${fault.reason}`)
  const where =
    ordered.residency.allow.length === 0 ? 'anywhere' : ordered.residency.allow.join(', ')
  const level = (attestors: readonly string[]) =>
    provenLevel(offered.provider, offered.country, attestations, attestors, at)
  const best = level(trustedAttestors)
  const detail = `${offered.country} is in ${where}; evidence level ${best}`
  const { minLevel, evidence } = ordered.residency
  if (minLevel === 0 && evidence === undefined) return [undefined, detail]
  // Whose word it is that proves the level; anybody else's beside it neither helps nor harms.
  const issuer = trustedAttestors.find((attestor) => level([attestor]) === best)
  if (issuer === undefined) fail('no attestation')
  return [
    undefined,
    ...trusted(`${detail} by ${short(issuer)}`, issuer, trust.attestors, '--trust'),
  ]
}

function trusted(
  detail: string,
  signer: string,
  roots: readonly string[] | undefined,
  flag: string,
): [string, Check['status']] {
  if (roots === undefined) return [`${detail} (pass ${flag} to say whom you trust)`, 'unproved']
  if (!roots.includes(signer)) fail(`${signer} is not in the trust roots`)
  return [detail, 'ok']
}

function fell(before: Receipt, after: Receipt): boolean {
  return (
    after.inputTokens < before.inputTokens ||
    after.outputTokens < before.outputTokens ||
    after.amount < before.amount
  )
}

function short(peerId: string): string {
  return `…${peerId.slice(-8)}`
}

function fail(detail: string): never {
  throw new HanseError('HANSE_RECORD_FIELDS', detail)
}

function describe(error: unknown): string {
  if (error instanceof HanseError && error.code !== 'HANSE_RECORD_FIELDS')
    return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : 'unexpected fault'
}
