import {
  cidOf,
  encodeCanonical,
  exportBundle,
  logKey,
  picoEuro,
  type Receipt,
  type SessionEvidence,
  type SignedRecord,
  signedFields,
  verifyBundle,
} from '@hanse/protocol'
import * as make from '@hanse/protocol/testing'
import { encodeProof, makeLogKey, makeProof } from './audit.ts'
import { tagged } from './json.ts'
import { samples } from './records.ts'

const { NOW, toHex, TRUST } = make

/** A session of two receipts keeps the vectors short. */
function evidence(changes: Partial<SessionEvidence> = {}): SessionEvidence {
  const ordered = make.makeOrder()
  const accepted = make.makeAcceptance(ordered)
  return make.makeEvidence({ receipts: make.makeReceipts(ordered, accepted, 2), ...changes })
}

/** The root of a bundle, from its description. */
export function manifestOf(of: SessionEvidence) {
  const kinds: [string, SignedRecord][] = [
    ['offer', of.offer],
    ...of.attestations.map((record): [string, SignedRecord] => ['attestation', record]),
    ...(of.authorization === null
      ? []
      : [['authorization', of.authorization] as [string, SignedRecord]]),
    ...of.rounds.flatMap(({ order, quote }): [string, SignedRecord][] => [
      ['quoted-order', order],
      ['quote', quote],
    ]),
    ['order', of.order],
    ['acceptance', of.acceptance],
    ...of.receipts.map((record): [string, SignedRecord] => ['receipt', record]),
    ...settlementKinds(of),
  ]
  const records = kinds.map(([kind, record]) => {
    const { bytes, signatures } = signedFields(record)
    return { kind, cid: cidOf(bytes), signatures }
  })
  const value = { network: of.network, records }
  return { value, bytes: encodeCanonical({ ...value, $type: 'hanse.bundle.v1' }) }
}

function settlementKinds({ settlement }: SessionEvidence): [string, SignedRecord][] {
  if (settlement === undefined) return []
  return [
    ['log-key', settlement.key],
    ['settlement-proof', { bytes: settlement.proof, signatures: [] }],
  ]
}

const settled = (by: 'receipt' | 'statement'): SessionEvidence =>
  evidence({ settlement: { key: makeLogKey(), proof: encodeProof(makeProof(by)) } })

export function bundlesFile() {
  return {
    about:
      'Bundles as CARv1 files. `right` have the manifest that is their root, and what verifyBundle says of ' +
      'each check with `trust` and without it; of a file in `wrong` the check `failed` is the one that fails.',
    trust: TRUST,
    right: [
      shown('a whole session', evidence()),
      shown('a session that was cut', cut()),
      shown('a session after a quote', quoted()),
      shown('a session without an authorization', free()),
      shown('settled by its last receipt', settled('receipt')),
      shown('settled by a statement', settled('statement')),
    ],
    wrong: wrong(),
  }
}

function shown(why: string, of: SessionEvidence) {
  const bytes = exportBundle(of)
  const { bytes: manifest, value } = manifestOf(of)
  const checks = (trust?: typeof TRUST) =>
    Object.fromEntries(verifyBundle(bytes, trust).checks.map(({ id, status }) => [id, status]))
  return {
    why,
    bytes: toHex(bytes),
    cid: cidOf(bytes).toString(),
    root: cidOf(manifest).toString(),
    manifest: { fields: tagged(value), bytes: toHex(manifest) },
    checks: { trusted: checks(TRUST), untrusted: checks() },
  }
}

function cut(): SessionEvidence {
  const ordered = make.makeOrder()
  const accepted = make.makeAcceptance(ordered)
  return evidence({ receipts: make.makeReceipts(ordered, accepted, 3).slice(0, 2) })
}

function free(): SessionEvidence {
  const ordered = make.makeOrder({ authorization: null })
  return sessionOf(ordered, { authorization: null })
}

function quoted(): SessionEvidence {
  const ofName = (name: string) => {
    const found = samples().find((sample) => sample.name === name)
    if (found === undefined) throw new Error(`no ${name}`)
    return found.record
  }
  const order = ofName('order that answers the quote') as ReturnType<typeof make.makeOrder>
  const rounds = [{ order: make.makeOrder(), quote: ofName('quote') }]
  return sessionOf(order, { rounds })
}

function sessionOf(
  ordered: ReturnType<typeof make.makeOrder>,
  changes: Partial<SessionEvidence> = {},
): SessionEvidence {
  const accepted = make.makeAcceptance(ordered)
  const receipts = make.makeReceipts(ordered, accepted, 2)
  return make.makeEvidence({ order: ordered, acceptance: accepted, receipts, ...changes })
}

function withReceipts(change: (value: Receipt, i: number) => Receipt): SessionEvidence {
  const ordered = make.makeOrder()
  const accepted = make.makeAcceptance(ordered)
  return evidence({ receipts: make.makeReceipts(ordered, accepted, 2, change) })
}

const second = (change: (value: Receipt) => Partial<Receipt>) =>
  withReceipts((value, i) => (i === 1 ? { ...value, ...change(value) } : value))

function wrong() {
  const whole = exportBundle(evidence())
  const flipped = Uint8Array.from(whole)
  flipped[whole.byteLength - 5] = (flipped.at(-5) ?? 0) ^ 1
  const { receipts } = evidence()
  const oneSided = receipts.map(({ bytes, signatures }) => ({
    bytes,
    signatures: signatures.slice(0, 1),
  }))
  const abroad = make.makeOffer({ country: 'US' })
  const cases: [string, string, SessionEvidence | Uint8Array][] = [
    ['cut short', 'file', whole.subarray(0, -1)],
    ['a byte after it', 'file', Uint8Array.of(...whole, 0)],
    ['a bit flipped in a record', 'file', flipped],
    ['nothing', 'file', new Uint8Array(0)],
    ['a receipt left out, and not of the manifest', 'manifest', withoutLastBlock(whole)],
    ['of another network than trusted', 'network', evidence({ network: 'mainnet' })],
    ['an order of another offer', 'offer', sessionOf(make.makeOrder({ offer: cidOf(whole) }))],
    ['below the offered prices', 'prices', sessionOf(make.makeOrder({ inputPrice: picoEuro(1n) }))],
    [
      'an acceptance of another order',
      'acceptance',
      evidence({ order: make.makeOrder({ deadlineMs: 1 }) }),
    ],
    ['without the authorization', 'authorization', evidence({ authorization: null })],
    [
      'a provider outside the policy',
      'residency',
      sessionOf(make.makeOrder({ offer: abroad.cid }), { offer: abroad, attestations: [] }),
    ],
    ['without attestations', 'residency', evidence({ attestations: [] })],
    ['no receipts', 'receipt-signatures', evidence({ receipts: [] })],
    ['receipts of one side', 'receipt-signatures', evidence({ receipts: oneSided })],
    ['a number left out', 'receipt-chain', second(() => ({ sequence: 2n }))],
    ['a link to nothing', 'receipt-chain', second(() => ({ previous: cidOf(whole) }))],
    [
      'totals that fell',
      'receipt-chain',
      second(() => ({ outputTokens: 9n, amount: picoEuro(0n) })),
    ],
    ['another amount', 'amounts', second(({ amount }) => ({ amount: picoEuro(amount + 1n) }))],
    ['more cached than read', 'amounts', second(() => ({ cachedInputTokens: 11n }))],
    ['more than accepted', 'limits', sessionTokens(11n)],
    [
      'settled, and cut before',
      'settlement',
      { ...settled('receipt'), receipts: receipts.slice(0, 1) },
    ],
    ['a log of another settlement', 'inclusion', evidence({ settlement: strangers() })],
    ['dated before it was accepted', 'times', withReceipts((value) => ({ ...value, at: NOW - 1 }))],
    [
      'a receipt after the final one',
      'ending',
      withReceipts((value) => ({ ...value, final: 'length' })),
    ],
  ]
  return cases.map(([why, failed, of]) => {
    const bytes = of instanceof Uint8Array ? of : exportBundle(of)
    return { why, failed, bytes: toHex(bytes) }
  })
}

/** The same proof, of a log whose key a stranger signed. */
function strangers(): NonNullable<SessionEvidence['settlement']> {
  const value = { ...makeLogKey().value, settlement: make.stranger.peerId }
  const key = make.sign(logKey, value, 'settlement', make.stranger)
  return { key, proof: encodeProof(makeProof('receipt')) }
}

/** Receipts that count so many input tokens, at the right amount; 10 were accepted. */
function sessionTokens(inputTokens: bigint): SessionEvidence {
  const { INPUT_PRICE, OUTPUT_PRICE } = make
  return withReceipts((value) => ({
    ...value,
    inputTokens,
    amount: picoEuro(inputTokens * INPUT_PRICE + value.outputTokens * OUTPUT_PRICE),
  }))
}

/** The CAR file without its last block: the receipts there have a length of two bytes before them. */
function withoutLastBlock(car: Uint8Array): Uint8Array {
  const last = evidence().receipts.at(-1)
  if (last === undefined) throw new Error('no receipts')
  return car.subarray(0, car.byteLength - last.bytes.byteLength - cidOf(car).bytes.byteLength - 2)
}
