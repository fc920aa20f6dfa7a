import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeLogKey, makeProof, makeSettlement, statedEvent } from '../audit/testdata/settled.ts'
import { offer } from '../market/offer.ts'
import { picoEuro } from '../money.ts'
import { regionAttestation } from '../region/attestation.ts'
import { type Order, type Quote, quote } from '../session/records.ts'
import {
  attestor,
  consumer,
  HOUR_MS,
  INPUT_PRICE,
  makeAcceptance,
  makeAttestation,
  makeAuthorization,
  makeBundle,
  makeEvidence,
  makeOffer,
  makeOrder,
  makeReceipts,
  NOW,
  OUTPUT_PRICE,
  provider,
  RUNS,
  settlement,
  sign,
  stranger,
  TRUST,
} from '../testing/fixtures.ts'
import { cidOf, concat } from '../wire.ts'
import { exportBundle, type SessionEvidence } from './bundle.ts'
import { readCar, writeCar } from './car.ts'
import type { Receipt } from './receipt.ts'
import { type CheckId, type TrustRoots, verifyBundle } from './verify-bundle.ts'

const good = makeBundle({ settlement: makeSettlement('statement', 5) })
/** As the log was when it had five entries. */
const checkpoint = { note: makeProof(statedEvent).checkpoint(5) }

/** Which check a bundle fails at; `undefined` when it is verified. */
function failed(bundle: Uint8Array, trust: TrustRoots = TRUST): CheckId | undefined {
  const report = verifyBundle(bundle, trust)
  const fault = report.checks.find(({ status }) => status === 'failed')
  expect(report.verified).toBe(fault === undefined)
  expect(report.summary === undefined).toBe(fault !== undefined)
  if (fault !== undefined) expect(fault.detail).not.toBe('')
  return fault?.id
}

/** A whole session with other terms: consistent in all that follows from them. */
function session(
  order: Partial<Order>,
  changes: Partial<SessionEvidence> = {},
  receipts?: (value: Receipt, i: number) => Receipt,
  count = 3,
): Uint8Array {
  const ordered = makeOrder(order)
  const accepted = makeAcceptance(ordered)
  return makeBundle({
    order: ordered,
    acceptance: accepted,
    receipts: makeReceipts(ordered, accepted, count, receipts),
    ...changes,
  })
}
const spoiled = (at: number, changes: Partial<Receipt> | ((value: Receipt) => Partial<Receipt>)) =>
  session({}, {}, (value, i) =>
    i === at ? { ...value, ...(typeof changes === 'function' ? changes(value) : changes) } : value,
  )

/** A session that was agreed on in two rounds; each of its three orders and two quotes may be spoiled. */
function negotiated(
  spoil: { orders?: Partial<Order>[]; quotes?: Partial<Quote>[]; drop?: 'quotes' | 'first' } = {},
): Uint8Array {
  const rounds: SessionEvidence['rounds'][number][] = []
  let ordered = makeOrder({ outputPrice: picoEuro(1n), ...spoil.orders?.[0] })
  for (const round of [1, 2]) {
    const outputPrice = picoEuro(OUTPUT_PRICE / BigInt(round))
    const { consumer: buyer, provider: seller, inputPrice } = ordered.value
    const answer = sign(
      quote,
      {
        order: ordered.cid,
        consumer: buyer,
        provider: seller,
        inputPrice,
        outputPrice,
        round,
        notAfter: NOW,
        ...spoil.quotes?.[round - 1],
      },
      'provider',
      provider,
    )
    rounds.push({ order: ordered, quote: answer })
    ordered = makeOrder({
      outputPrice: picoEuro(outputPrice / (round === 1 ? 4n : 1n)),
      quote: answer.cid,
      nonce: new Uint8Array(16).fill(20 + round),
      ...spoil.orders?.[round],
    })
  }
  const accepted = makeAcceptance(ordered)
  const kept = spoil.drop === 'quotes' ? [] : spoil.drop === 'first' ? rounds.slice(1) : rounds
  return makeBundle({
    rounds: kept,
    order: ordered,
    acceptance: accepted,
    receipts: makeReceipts(ordered, accepted),
  })
}

describe('a bundle of a session with rounds of quotes', () => {
  test('verifies below the offer, at the quoted prices', () => {
    const report = verifyBundle(negotiated(), TRUST)
    expect(report.verified).toBe(true)
    expect(report.checks.find(({ id }) => id === 'prices')?.detail).toMatch(/quoted prices/u)
  })

  test.each<[string, Parameters<typeof negotiated>[0]]>([
    ['without its quotes', { drop: 'quotes' }],
    ['without its first round', { drop: 'first' }],
    ['paid below the quote', { orders: [{}, {}, { outputPrice: picoEuro(1n) }] }],
    ['of another model', { orders: [{ model: 'hanse/other' }] }],
    ['with more tokens than were quoted for', { orders: [{}, {}, { maxOutputTokens: 4000n }] }],
    ['with rounds in disorder', { quotes: [{ round: 2 }] }],
    ['with a quote to another consumer', { quotes: [{ consumer: stranger.peerId }] }],
    ['with a quote of another order', { quotes: [{}, { order: makeOrder().cid }] }],
    ['that starts with a quote', { orders: [{ quote: makeOrder().cid }] }],
    ['with a nonce used twice', { orders: [{}, { nonce: new Uint8Array(16).fill(9) }] }],
  ])('%s fails at the prices', (_, spoil) => {
    expect(failed(negotiated(spoil))).toBe('prices')
  })
})

describe('a bundle', () => {
  test('of an honest session verifies in every check', () => {
    const report = verifyBundle(good, { ...TRUST, checkpoint })
    expect(report.checks.map(({ status }) => status)).toEqual(
      Array.from({ length: 18 }, () => 'ok'),
    )
    expect(new Set(report.checks.map(({ id }) => id)).size).toBe(18)
    expect(report.verified).toBe(true)
    expect(report.summary).toEqual({
      session: makeOrder().cid.toString(),
      consumer: consumer.peerId,
      provider: provider.peerId,
      country: 'DE',
      model: makeOrder().value.model,
      inputTokens: 10n,
      outputTokens: 30n,
      amount: 10n * INPUT_PRICE + 30n * OUTPUT_PRICE,
      receipts: 3,
      final: 'completed',
      continues: null,
    })
  })

  test('says what rests on somebody that the reader has not named', () => {
    const { verified, checks } = verifyBundle(good)
    const open = checks.filter(({ status }) => status === 'unproved').map(({ id }) => id)
    expect([verified, open]).toEqual([
      true,
      ['authorization', 'residency', 'inclusion', 'consistency'],
    ])
  })

  test('of a session that was cut verifies, and says so', () => {
    const report = verifyBundle(spoiled(2, { final: null }), TRUST)
    expect(report.verified).toBe(true)
    const open = report.checks.filter(({ status }) => status === 'unproved')
    expect(open.map(({ id }) => id)).toEqual(['ending', 'settlement', 'inclusion', 'consistency'])
  })

  test('is the same bytes for the same session', () => {
    expect(makeBundle({ settlement: makeSettlement('statement', 5) })).toEqual(good)
    expect(writeCar(readCar(good))).toEqual(good)
  })

  test('has room for the most receipts that a session may have', () => {
    if (RUNS.session < 100) return // thousands of signatures
    const ordered = makeOrder()
    const accepted = makeAcceptance(ordered)
    const [one] = makeReceipts(ordered, accepted, 1)
    if (one === undefined) throw new Error('no receipt')
    const receipts = Array.from({ length: 4000 }, () => one)
    const attestations = Array.from({ length: 8 }, () => makeAttestation())
    // Consistent or not, it can be written and read: repeated receipts are found in the chain.
    expect(
      failed(makeBundle({ order: ordered, acceptance: accepted, receipts, attestations })),
    ).toBe('receipt-chain')
  })
})

describe('a bundle of a session that was settled', () => {
  const settled = (changes: Partial<NonNullable<SessionEvidence['settlement']>>) =>
    makeBundle({ settlement: { ...makeSettlement('receipt'), ...changes } })
  const statusOf = (bundle: Uint8Array, trust: TrustRoots) =>
    Object.fromEntries(
      verifyBundle(bundle, trust).checks.map(({ id, status }) => [id, status]),
    ) as Record<CheckId, string>

  test('verifies by its last receipt as by a statement', () => {
    for (const by of ['receipt', 'statement'] as const) {
      const bundle = makeBundle({ settlement: makeSettlement(by) })
      expect(statusOf(bundle, TRUST)).toMatchObject({
        settlement: 'ok',
        inclusion: 'ok',
        consistency: 'unproved',
      })
    }
  })

  test('has nothing to prove for a session that nobody owes for', () => {
    const free = session({ authorization: null }, { authorization: null })
    expect(statusOf(free, TRUST)).toMatchObject({ settlement: 'ok', inclusion: 'ok' })
  })

  test('is unproved to a reader who does not trust that settlement', () => {
    const { settlements: _, ...nobody } = TRUST
    expect(statusOf(good, nobody)).toMatchObject({ settlement: 'ok', inclusion: 'unproved' })
  })

  test('by another settlement than the one that authorized fails', () => {
    const key = makeLogKey({ settlement: stranger.peerId }, stranger)
    const settlements = [...TRUST.settlements, stranger.peerId]
    expect(failed(settled({ key }), { ...TRUST, settlements })).toBe('inclusion')
  })

  test('fails with the proof of another session, a foreign key, a fork', () => {
    const other = makeProof({ record: makeOffer().cid }).proof
    expect(failed(settled({ proof: other }))).toBe('settlement')
    expect(failed(settled({ key: makeLogKey({}, stranger) }))).toBe('inclusion')
    expect(failed(settled({ key: makeOffer() }))).toBe('inclusion')
    expect(failed(settled({ proof: makeOffer().bytes }))).toBe('settlement')
    const fork = { note: makeProof().checkpoint(7, true) }
    const report = verifyBundle(settled({}), { ...TRUST, checkpoint: fork })
    expect(report.checks.at(-1)).toMatchObject({ id: 'consistency', status: 'failed' })
    expect(report.checks.at(-1)?.detail).toContain('FORK')
  })
})

describe('damage', () => {
  const flip = (at: number, mask: number): Uint8Array => {
    const bad = Uint8Array.from(good)
    bad[at] = (bad[at] ?? 0) ^ mask
    return bad
  }

  test('of any one byte is found, by a named check and without a throw', () => {
    for (let at = 0; at < good.byteLength; at++) {
      if (failed(flip(at, 0xff)) === undefined) throw new Error(`byte ${at} does not matter`)
    }
  })

  test('of any one bit is found', () => {
    const step = RUNS.signed > 100 ? 1 : 7
    for (let at = 0; at < good.byteLength; at += step) {
      const mask = 1 << (at % 8)
      if (failed(flip(at, mask)) === undefined) throw new Error(`bit ${mask} of ${at} is not seen`)
    }
    for (let at = 0; at < 200; at++) {
      for (let bit = 0; bit < 8; bit++) expect(failed(flip(at, 1 << bit))).toBeDefined()
    }
  })

  test('by cutting anywhere is found', () => {
    for (let length = 0; length < good.byteLength; length++) {
      if (failed(good.subarray(0, length)) === undefined) throw new Error(`cut at ${length}`)
    }
  })

  test('by anything after the end is found', () => {
    for (const extra of [[0], [1, 2, 3], [0, 0, 0, 0], [...good.subarray(0, 60)]]) {
      expect(failed(Uint8Array.from([...good, ...extra]))).toBe('file')
    }
  })

  test('noise is no bundle, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(failed(noise)).toBe('file')
      }),
      { numRuns: RUNS.cheap },
    )
  })
})

describe('a dishonest exporter', () => {
  const { cid: offerCid } = makeOffer()
  const foreignOffer = sign(
    offer,
    { ...makeOffer().value, provider: stranger.peerId },
    'provider',
    stranger,
  )
  const cheap = makeOffer({
    models: makeOffer().value.models.map((m) => ({
      ...m,
      outputPrice: picoEuro(OUTPUT_PRICE + 1n),
    })),
  })
  const others = [
    makeAttestation({ subject: stranger.peerId }),
    makeAttestation({ country: 'FR', evidence: [{ kind: 'declared' }], level: 1 }),
    sign(
      regionAttestation,
      { ...makeAttestation().value, issuer: stranger.peerId },
      'attestor',
      stranger,
    ),
    makeAttestation({ notAfter: NOW - 1 }),
  ] as const
  const citing = (attestation: (typeof others)[number]) => {
    const offered = makeOffer({ attestations: [attestation.cid] })
    return session({ offer: offered.cid }, { offer: offered, attestations: [attestation] })
  }
  const paid = (authorization: ReturnType<typeof makeAuthorization>) =>
    session({ authorization: authorization.cid }, { authorization })
  const [r0, r1, r2] = makeEvidence().receipts as [
    SessionEvidence['receipts'][0],
    SessionEvidence['receipts'][0],
    SessionEvidence['receipts'][0],
  ]

  test.each<[string, Uint8Array, CheckId]>([
    [
      'a wrong amount, signed by both',
      spoiled(1, (r) => ({ amount: picoEuro(r.amount + 1n) })),
      'amounts',
    ],
    [
      'a last amount that is too small',
      spoiled(2, (r) => ({ amount: picoEuro(r.amount - 1n) })),
      'amounts',
    ],
    ['more cached than input tokens', spoiled(1, { cachedInputTokens: 11n }), 'amounts'],
    ['a receipt missing in the middle', makeBundle({ receipts: [r0, r2] }), 'receipt-chain'],
    ['the first receipt missing', makeBundle({ receipts: [r1, r2] }), 'receipt-chain'],
    ['receipts out of order', makeBundle({ receipts: [r1, r0, r2] }), 'receipt-chain'],
    ['a receipt twice', makeBundle({ receipts: [r0, r0, r1, r2] }), 'receipt-chain'],
    [
      'no receipt',
      makeBundle({ receipts: [], attestations: [makeAttestation(), makeAttestation()] }),
      'receipt-signatures',
    ],
    [
      'a receipt that one side signed',
      makeBundle({ receipts: [{ ...r0, signatures: r0.signatures.slice(0, 1) }] }),
      'receipt-signatures',
    ],
    [
      'signatures of other receipts',
      makeBundle({ receipts: [{ ...r0, signatures: r1.signatures }] }),
      'receipt-signatures',
    ],
    ['a broken link', spoiled(1, { previous: offerCid }), 'receipt-chain'],
    [
      'receipts of another session',
      makeBundle({
        receipts: makeReceipts(makeOrder(), makeAcceptance(makeOrder(), { inputTokens: 11n })),
      }),
      'receipt-chain',
    ],
    [
      'falling totals',
      spoiled(2, { outputTokens: 1n, amount: picoEuro(10n * INPUT_PRICE + OUTPUT_PRICE) }),
      'receipt-chain',
    ],
    ['more output than ordered', session({ maxOutputTokens: 29n }), 'limits'],
    [
      'more than one window at once',
      session({ creditWindow: picoEuro(9n * OUTPUT_PRICE) }),
      'limits',
    ],
    ['more than the authorization', paid(makeAuthorization({ limit: picoEuro(1n) })), 'limits'],
    [
      'more input than accepted',
      makeBundle({
        acceptance: makeAcceptance(makeOrder(), { inputTokens: 9n }),
        receipts: makeReceipts(makeOrder(), makeAcceptance(makeOrder(), { inputTokens: 9n })),
      }),
      'limits',
    ],
    [
      'other weights than were offered',
      makeBundle({
        acceptance: makeAcceptance(makeOrder(), {
          determinism: { engine: 'llama.cpp', digest: `sha256:${'cd'.repeat(32)}`, seed: 1 },
        }),
      }),
      'acceptance',
    ],
    [
      'an attestation that the offer does not cite',
      makeBundle({ attestations: [others[0]] }),
      'residency',
    ],
    ['an attestation of another subject', citing(others[0]), 'residency'],
    ['an attestation of another country', citing(others[1]), 'residency'],
    ['an attestation by somebody not trusted', citing(others[2]), 'residency'],
    ['an expired attestation', citing(others[3]), 'residency'],
    ['no attestation', makeBundle({ attestations: [] }), 'residency'],
    [
      'an authorization for another provider',
      paid(makeAuthorization({ provider: stranger.peerId })),
      'authorization',
    ],
    [
      'an authorization of another consumer',
      paid(makeAuthorization({ consumer: stranger.peerId })),
      'authorization',
    ],
    [
      'an authorization that the order does not cite',
      makeBundle({ authorization: makeAuthorization({ serial: 2n }) }),
      'authorization',
    ],
    ['an authorization where none is cited', session({ authorization: null }), 'authorization'],
    ['no authorization where one is cited', makeBundle({ authorization: null }), 'authorization'],
    ['an authorization that ended before', paid(makeAuthorization({ notAfter: NOW })), 'times'],
    ['another network', makeBundle({ network: 'main' }), 'network'],
    [
      'an offer by another provider',
      session({ offer: foreignOffer.cid }, { offer: foreignOffer }),
      'offer',
    ],
    [
      'another offer than the order cites',
      makeBundle({ offer: makeOffer({ sequence: 8n }) }),
      'offer',
    ],
    ['a price below the offer', session({ offer: cheap.cid }, { offer: cheap }), 'prices'],
    ['a model that is not offered', session({ model: 'a/b' }), 'prices'],
    [
      'an acceptance of another order',
      makeBundle({ acceptance: makeAcceptance(makeOrder({ maxInputTokens: 99n })) }),
      'acceptance',
    ],
    [
      'an acceptance for another consumer',
      makeBundle({ acceptance: makeAcceptance(makeOrder(), { consumer: stranger.peerId }) }),
      'acceptance',
    ],
    [
      'an order that its consumer did not sign',
      makeBundle({ order: { bytes: makeOrder().bytes, signatures: makeAcceptance().signatures } }),
      'order',
    ],
    ['an order for the offer', makeBundle({ order: makeOffer() }), 'order'],
    ['an acceptance after the offer', makeBundle(late(HOUR_MS + 60_000)), 'times'],
    ['a receipt before the acceptance', spoiled(0, { at: NOW - 1 }), 'times'],
    ['a receipt after the session', spoiled(2, { at: NOW + HOUR_MS }), 'times'],
    ['a receipt after the final one', spoiled(1, { final: 'completed' }), 'ending'],
  ])('with %s is found out', (_, bundle, check) => {
    expect(failed(bundle)).toBe(check)
  })

  test('an issuer or attestor that the reader does not trust fails', () => {
    expect(failed(good, { ...TRUST, settlements: [stranger.peerId] })).toBe('authorization')
    expect(failed(good, { ...TRUST, attestors: [stranger.peerId] })).toBe('residency')
    expect(failed(good, { ...TRUST, network: 'main' })).toBe('network')
  })

  test('an untrusted attestation beside a trusted one does not harm', () => {
    const attestations = [others[2], makeAttestation()]
    const offered = makeOffer({ attestations: attestations.map(({ cid }) => cid) })
    const bundle = session({ offer: offered.cid }, { offer: offered, attestations })
    expect(failed(bundle)).toBeUndefined()
    expect(
      verifyBundle(bundle, TRUST).checks.find(({ id }) => id === 'residency')?.detail,
    ).toContain(attestor.peerId.slice(-8))
  })

  test('swapped, dropped and added blocks are found', () => {
    const { root, blocks } = readCar(good)
    const extra = Uint8Array.of(0xa0)
    const [head, ...rest] = blocks
    if (head === undefined) throw new Error('empty')
    expect(failed(writeCar({ root, blocks: [head, ...rest.toReversed()] }))).toBe('manifest')
    expect(failed(writeCar({ root, blocks: [head, ...rest.slice(1)] }))).toBe('manifest')
    expect(
      failed(writeCar({ root, blocks: [...blocks, { cid: cidOf(extra), bytes: extra }] })),
    ).toBe('manifest')
    expect(failed(writeCar({ root, blocks: [...rest, head] }))).toBe('manifest')
    expect(failed(writeCar({ root: rest[0]?.cid ?? root, blocks }))).toBe('manifest')
    expect(failed(writeCar({ root, blocks: [] }))).toBe('manifest')
    expect(failed(writeCar({ root, blocks: [{ cid: root, bytes: extra }, ...rest] }))).toBe('file')
    expect(failed(concat([good, good]))).toBe('file')
  })

  test('signs nothing in another network’s name', () => {
    const { receipts: _, ...evidence } = makeEvidence()
    const elsewhere = exportBundle({
      ...evidence,
      network: 'main',
      receipts: makeEvidence().receipts,
    })
    expect(failed(elsewhere, { ...TRUST, network: 'main' })).toBe('order')
    expect(settlement.peerId).not.toBe(attestor.peerId)
  })
})

/** A session accepted this long after the offer was made. */
function late(afterMs: number): Partial<SessionEvidence> {
  const ordered = makeOrder({ notAfter: NOW + 24 * HOUR_MS })
  const at = NOW + afterMs
  const accepted = makeAcceptance(ordered, { at, notAfter: at + HOUR_MS })
  const receipts = makeReceipts(ordered, accepted, 3, (r) => ({ ...r, at }))
  // Each link follows the changed receipt before it: the fixture links what it has signed.
  return { order: ordered, acceptance: accepted, receipts }
}
