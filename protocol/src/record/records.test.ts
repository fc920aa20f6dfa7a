import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { documentDigest } from '../audit/document-digest.ts'
import { type SpotCheck, spotCheck } from '../audit/spot-check.ts'
import {
  providerBinding,
  type SpendAuthorization,
  spendAuthorization,
} from '../authorization/authorization.ts'
import {
  DELETION_CLASSES,
  DELETION_REASONS,
  deletionConfirmation,
  deletionRequest,
} from '../deletion/deletion.ts'
import { ERRORS, type ErrorCode, HanseError } from '../errors.ts'
import { offer } from '../market/offer.ts'
import { picoEuro } from '../money.ts'
import { bundleManifest } from '../receipt/bundle.ts'
import { receipt } from '../receipt/receipt.ts'
import { evidenceLevel, regionAttestation } from '../region/attestation.ts'
import { landmarkEcho, landmarkPing } from '../region/landmark.ts'
import { attestationRevocations } from '../region/revocation.ts'
import { FINAL_REASONS } from '../session/reasons.ts'
import { acceptance, order, quote, rejection } from '../session/records.ts'
import { statement } from '../statement/statement.ts'
import {
  attestor,
  codeOf,
  consumer,
  fromHex,
  makeAcceptance,
  makeAttestation,
  makeAuthorization,
  makeOffer,
  makeOrder,
  makeReceipts,
  NOW,
  provider,
  RUNS,
  stranger,
  toHex,
} from '../testing/fixtures.ts'
import { bytesEqual, cidOf, decodeCanonical, encodeCanonical, isRecordCid, utf8 } from '../wire.ts'
import { named, type RecordType } from './record.ts'

const peer = fc.constantFrom(consumer, provider, attestor, stranger).map(({ peerId }) => peerId)
const cid = fc.uint8Array({ maxLength: 4 }).map((seed) => cidOf(seed))
const u63 = fc.oneof(fc.bigInt(0n, 2n ** 63n - 1n), fc.bigInt(0n, 70_000n), fc.constant(2n ** 53n))
const pEUR = u63.map(picoEuro)
const instant = fc.integer({ min: 0, max: 8.64e15 })
/** Two instants in order. */
const period = fc
  .tuple(fc.integer({ min: 0, max: 4e15 }), fc.integer({ min: 1, max: 4e15 }))
  .map(([from, length]) => [from, from + length] as const)
const ms = fc.integer({ min: 0, max: 86_400_000 })
const small = (min: number, max: number) => fc.integer({ min, max })
const country = fc.constantFrom<string[]>('DE', 'FR', 'NO', 'US', 'YT')
const word = (maxLength: number) =>
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: Math.floor(maxLength / 2) })
    .filter((text) => text.isWellFormed() && !text.startsWith('\u{FEFF}'))
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((value) => Uint8Array.from(value))
const nullable = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null })
const modelName = fc.constantFrom('a/b', 'hanse/test-model:q4', 'x/y/z:1', '0/0.0_-')

const evidence = country.chain((where) =>
  fc.record({
    country: fc.constant(where),
    evidence: fc.array(
      fc.oneof(
        fc.constant({ kind: 'declared' as const }),
        fc.record({
          kind: fc.constant('payout-account' as const),
          account: word(64),
          country: fc.constant(where),
        }),
        fc.record({
          kind: fc.constant('geoip' as const),
          dataset: word(64),
          country: fc.constant(where),
        }),
        fc.record({
          kind: fc.constant('latency' as const),
          pings: fc.array(cid, { minLength: 1, maxLength: 3 }),
          country: fc.constant(where),
        }),
        fc.record({ kind: fc.constant('operator' as const), reference: word(64) }),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  }),
)

const offeredModel = fc.record({
  aliases: fc.constant<string[]>([]),
  digest: nullable(word(96)),
  quantization: nullable(word(32)),
  contextLength: small(1, 1e8),
  capabilities: fc.array(word(16), { maxLength: 2 }),
  inputPrice: pEUR,
  outputPrice: pEUR,
  maxOutputTokens: small(1, 1e8),
  slots: small(0, 100_000),
  freeSlots: small(0, 100_000),
  tokensPerSecond: nullable(small(0, 1e6)),
})

interface Case<Value> {
  readonly type: RecordType<Value>
  readonly values: fc.Arbitrary<Value>
}
const define = <Value>(type: RecordType<Value>, values: fc.Arbitrary<Value>): Case<unknown> =>
  ({ type, values }) as unknown as Case<unknown>

const CASES: Case<unknown>[] = [
  define(
    offer,
    fc
      .tuple(
        period,
        fc.record({
          provider: peer,
          sequence: u63,
          addresses: fc.array(word(100), { maxLength: 2 }),
          country,
          attestations: fc.array(cid, { maxLength: 3 }),
          gpus: fc.array(fc.record({ name: word(64), vramBytes: u63, count: small(1, 1024) }), {
            maxLength: 2,
          }),
          models: fc
            .array(offeredModel, { minLength: 1, maxLength: 2 })
            .map((models) => models.map((model, i) => ({ ...model, id: `a/model-${i}` }))),
          minAuthorization: pEUR,
          unsecuredCredit: pEUR,
          protocolVersions: fc.array(word(16), { minLength: 1, maxLength: 2 }),
        }),
      )
      .map(([[issuedAt, notAfter], rest]) => ({ ...rest, issuedAt, notAfter })),
  ),
  define(
    regionAttestation,
    fc
      .tuple(period, evidence, peer, peer)
      .map(([[notBefore, notAfter], seen, subject, issuer]) => ({
        ...seen,
        level: evidenceLevel(seen.evidence),
        notBefore,
        notAfter,
        subject,
        issuer,
      })),
  ),
  define(
    landmarkPing,
    fc
      .tuple(
        period,
        fc.record({
          landmark: peer,
          subject: peer,
          latitudeE4: small(-900_000, 900_000),
          longitudeE4: small(-1_800_000, 1_800_000),
          roundTripUs: small(1, 10_000_000),
          nonce: bytes(16),
        }),
      )
      .map(([[at, notAfter], rest]) => ({ ...rest, at, notAfter })),
  ),
  define(landmarkEcho, fc.record({ landmark: peer, subject: peer, challenge: bytes(32) })),
  define(
    attestationRevocations,
    fc
      .tuple(fc.tuple(u63, u63), peer, fc.array(cid, { maxLength: 3 }), period)
      .map(([[a, b], issuer, revoked, [at]]) => ({
        issuer,
        since: a < b ? a : b,
        until: a < b ? b : a,
        at,
        revoked,
      })),
  ),
  define(
    deletionRequest,
    fc
      .tuple(
        period,
        fc.record({
          settlement: peer,
          node: peer,
          side: fc.constantFrom('provider' as const, 'consumer' as const),
          part: small(0, 65_535),
          consumers: fc.array(peer, { maxLength: 3 }),
          authorizations: fc.array(cid, { minLength: 1, maxLength: 3 }),
        }),
      )
      .map(([[at, dueAt], rest]) => ({ ...rest, at, dueAt })),
  ),
  define(
    deletionConfirmation,
    fc.record({
      settlement: peer,
      node: peer,
      side: fc.constantFrom('provider' as const, 'consumer' as const),
      request: cid,
      sequence: small(0, 65_535),
      erased: fc
        .subarray(DELETION_CLASSES.toSorted())
        .chain((classes) =>
          fc.tuple(...classes.map((one) => fc.record({ class: fc.constant(one), count: u63 }))),
        ),
      kept: fc.subarray(DELETION_CLASSES.toSorted()).chain((classes) =>
        fc.tuple(
          ...classes.map((one) =>
            fc.record({
              class: fc.constant(one),
              reason: fc.constantFrom(...DELETION_REASONS),
              count: u63,
              until: nullable(instant),
            }),
          ),
        ),
      ),
      at: instant,
    }),
  ),
  define(
    spendAuthorization,
    fc
      .tuple(
        period,
        fc.record({
          issuer: peer,
          consumer: peer,
          provider: peer,
          organization: word(64),
          limit: pEUR,
          serial: u63,
        }),
      )
      .map(([[issuedAt, notAfter], rest]) => ({ ...rest, issuedAt, notAfter })),
  ),
  define(
    providerBinding,
    fc
      .tuple(period, fc.record({ provider: peer, settlement: peer, country }))
      .map(([[issuedAt, notAfter], rest]) => ({ ...rest, issuedAt, notAfter })),
  ),
  define(
    order,
    fc
      .tuple(
        period,
        fc.record({
          consumer: peer,
          provider: peer,
          offer: cid,
          model: modelName,
          maxInputTokens: u63,
          maxOutputTokens: u63,
          inputPrice: pEUR,
          outputPrice: pEUR,
          authorization: nullable(cid),
          residency: fc.record({
            allow: fc.array(fc.constantFrom('EU', 'EEA', 'CH'), { maxLength: 3 }),
            minLevel: small(0, 4),
          }),
          promptCommitment: bytes(32),
          receiptEvery: fc.bigInt(1n, 2n ** 63n - 1n),
          creditWindow: pEUR,
          deadlineMs: ms,
          nonce: bytes(16),
          quote: nullable(cid),
          continues: nullable(cid),
        }),
      )
      .map(([[issuedAt, notAfter], rest]) => ({ ...rest, issuedAt, notAfter })),
  ),
  define(
    acceptance,
    fc.record({
      order: cid,
      consumer: peer,
      provider: peer,
      inputTokens: u63,
      at: instant,
      notAfter: instant,
      determinism: nullable(
        fc.record({ engine: word(128), digest: word(96), seed: fc.nat(2 ** 32 - 1) }),
      ),
    }),
  ),
  define(
    quote,
    fc.record({
      order: cid,
      consumer: peer,
      provider: peer,
      inputPrice: pEUR,
      outputPrice: pEUR,
      round: small(1, 3),
      notAfter: instant,
    }),
  ),
  define(
    spotCheck,
    fc
      .tuple(
        fc.record({
          consumer: peer,
          model: modelName,
          digest: word(96),
          promised: fc.boolean(),
          at: instant,
        }),
        fc.uniqueArray(peer, { minLength: 2, maxLength: 2 }),
        fc.tuple(cid, cid, cid, cid),
        fc.tuple(u63, u63, small(1, 1e6)),
      )
      .map(([rest, [one = '', other = ''], [a, b, c, d], [x, y, divergence]]) => ({
        ...rest,
        first: { provider: one, order: a, receipt: b },
        second: { provider: other, order: c, receipt: d },
        bytes: x > y ? x : y,
        agreed: x > y ? y : x,
        divergence: x === y ? 0 : divergence,
      })) as fc.Arbitrary<SpotCheck>,
  ),
  define(
    documentDigest,
    fc.record({
      number: word(40).filter((text) => text !== ''),
      sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      at: instant,
    }),
  ),
  define(
    rejection,
    fc.record({
      order: cid,
      consumer: peer,
      provider: peer,
      code: fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[])),
      message: word(512),
      retryAfterMs: nullable(ms),
      at: instant,
    }),
  ),
  define(
    receipt,
    fc.record({
      acceptance: cid,
      sequence: u63,
      previous: nullable(cid),
      inputTokens: u63,
      cachedInputTokens: u63,
      outputTokens: u63,
      amount: pEUR,
      transcript: bytes(32),
      at: instant,
      final: nullable(fc.constantFrom(...FINAL_REASONS)),
    }),
  ),
  define(
    statement,
    fc
      .tuple(
        period,
        fc.record({
          consumer: peer,
          provider: peer,
          authorization: cid,
          residency: fc.record({
            allow: fc.array(fc.constantFrom('EU', 'EEA', 'CH'), { maxLength: 3 }),
            minLevel: small(0, 4),
          }),
          lane: small(0, 2 ** 32 - 1),
          previous: nullable(cid),
          sessions: small(1, 1000),
          root: bytes(32),
          inputTokens: u63,
          outputTokens: u63,
          amount: pEUR,
        }),
        u63.map((value) => value || 1n),
      )
      .map(([[from, to], rest, sequence]) => ({
        ...rest,
        from,
        to,
        sequence: rest.previous === null ? 0n : sequence,
      })),
  ),
  define(
    bundleManifest,
    fc.record({
      network: word(64),
      records: fc.array(
        fc.record({
          kind: fc.constantFrom('offer' as const, 'receipt' as const),
          cid,
          signatures: fc.array(
            fc.record({
              signer: peer,
              role: fc.constant('provider' as const),
              signature: bytes(64),
            }),
            { minLength: 1, maxLength: 2 },
          ),
        }),
        { minLength: 4, maxLength: 6 },
      ),
    }),
  ),
]

const EXAMPLES: [RecordType<unknown>, Uint8Array][] = (() => {
  const ordered = makeOrder()
  const accepted = makeAcceptance(ordered)
  const [first] = makeReceipts(ordered, accepted)
  return [
    [offer, makeOffer().bytes],
    [regionAttestation, makeAttestation().bytes],
    [spendAuthorization, makeAuthorization().bytes],
    [order, ordered.bytes],
    [acceptance, accepted.bytes],
    [receipt, first?.bytes ?? new Uint8Array()],
  ] as [RecordType<unknown>, Uint8Array][]
})()

describe.each(CASES.map((each) => [each.type.type, each] as const))('%s', (_, { type, values }) => {
  test('comes back from its bytes as it was, and its bytes from it', () => {
    fc.assert(
      fc.property(values, (value) => {
        const encoded = type.encode(value)
        const decoded = type.decode(encoded)
        expect(decoded).toEqual(value)
        expect(type.make(value)).toEqual({ bytes: encoded, value: decoded })
        expect(bytesEqual(type.encode(decoded), encoded)).toBe(true)
      }),
      { numRuns: RUNS.signed },
    )
  })
})

describe.each(EXAMPLES.map(([type, encoded]) => [type.type, type, encoded] as const))(
  'bytes of %s',
  (_, type, valid) => {
    const fields = dagCbor.decode(valid) as Record<string, unknown>
    const encode = (changes: Record<string, unknown>) => dagCbor.encode({ ...fields, ...changes })

    test('with any one byte changed are refused, or are another record', () => {
      const name = named(type, valid).cid
      const masks = RUNS.signed > 100 ? [0x01, 0x20, 0x80, 0xff] : [0xff]
      for (let at = 0; at < valid.byteLength; at++) {
        for (const mask of masks) {
          const bad = Uint8Array.from(valid)
          bad[at] = (bad[at] ?? 0) ^ mask
          try {
            const other = named(type, bad)
            expect(other.cid.equals(name)).toBe(false)
            expect(bytesEqual(type.encode(other.value), bad)).toBe(true)
          } catch (error) {
            if (!(error instanceof HanseError)) throw error
            expect(error.code).toMatch(/^HANSE_RECORD_/u)
          }
        }
      }
    })

    test('cut anywhere are refused', () => {
      for (let length = 0; length < valid.byteLength; length++) {
        expect(codeOf(() => type.decode(valid.subarray(0, length)))).toBe('HANSE_RECORD_MALFORMED')
      }
    })

    test('with something after them are refused', () => {
      expect(codeOf(() => type.decode(Uint8Array.from([...valid, 0])))).toBe(
        'HANSE_RECORD_MALFORMED',
      )
    })

    test('with an extra key, or with any key missing, are refused', () => {
      expect(codeOf(() => type.decode(encode({ zzz: 1 })))).toBe('HANSE_RECORD_FIELDS')
      for (const key of Object.keys(fields)) {
        const { [key]: _dropped, ...rest } = fields
        const expected = key === '$type' ? 'HANSE_RECORD_UNKNOWN_TYPE' : 'HANSE_RECORD_FIELDS'
        expect(codeOf(() => type.decode(dagCbor.encode(rest)))).toBe(expected)
      }
    })

    test('with a null, a list or a text of another kind in any field are refused', () => {
      for (const key of Object.keys(fields)) {
        for (const wrong of [[[]], { a: 1 }, true, 'not a value of this field', -1]) {
          const code = codeOf(() => type.decode(encode({ [key]: wrong })))
          if (code === 'accepted') expect([key, typeof wrong]).toEqual([key, 'string'])
          else expect(code).toMatch(/^HANSE_RECORD_(FIELDS|UNKNOWN_TYPE)$/u)
        }
      }
    })

    test('of another type or version are refused', () => {
      for (const $type of ['hanse.other.v1', type.type.replace('v1', 'v2'), '', 1, null]) {
        expect(codeOf(() => type.decode(encode({ $type })))).toBe('HANSE_RECORD_UNKNOWN_TYPE')
      }
    })

    test('over the size limit are refused before they are decoded', () => {
      expect(codeOf(() => type.decode(new Uint8Array(type.bytesMax + 1)))).toBe(
        'HANSE_RECORD_TOO_LARGE',
      )
    })
  },
)

describe('canonical DAG-CBOR', () => {
  const decode = (hex: string) =>
    codeOf(() => decodeCanonical(fromHex(hex.replaceAll(' ', '')), 1000))
  const cbor42 = 'd82a5825 0001711220'
  test.each([
    ['sorted keys', 'a2 6161 01 6162 02', 'accepted'],
    ['unsorted keys', 'a2 6162 02 6161 01', 'HANSE_RECORD_NOT_CANONICAL'],
    ['shorter keys first', 'a2 6162 02 626161 01', 'accepted'],
    ['a longer key first', 'a2 626161 01 6162 02', 'HANSE_RECORD_NOT_CANONICAL'],
    ['a duplicate key', 'a2 6161 01 6161 02', 'HANSE_RECORD_MALFORMED'],
    ['a double for an integer', 'a1 6161 fb3ff0000000000000', 'HANSE_RECORD_NOT_CANONICAL'],
    ['a double with a fraction', 'a1 6161 fb3ff8000000000000', 'HANSE_RECORD_NOT_CANONICAL'],
    ['a single float', 'a1 6161 fa3f800000', 'HANSE_RECORD_NOT_CANONICAL'],
    ['a half float', 'a1 6161 f93c00', 'HANSE_RECORD_NOT_CANONICAL'],
    ['not a number', 'a1 6161 f97e00', 'HANSE_RECORD_MALFORMED'],
    ['infinity', 'a1 6161 fb7ff0000000000000', 'HANSE_RECORD_MALFORMED'],
    ['a long integer', 'a1 6161 1800', 'HANSE_RECORD_MALFORMED'],
    ['a long length', 'a1 7801 61 01', 'HANSE_RECORD_MALFORMED'],
    ['undefined', 'a1 6161 f7', 'HANSE_RECORD_NOT_CANONICAL'],
    ['an indefinite map', 'bf 6161 01 ff', 'HANSE_RECORD_MALFORMED'],
    ['an indefinite list', '9f 01 ff', 'HANSE_RECORD_MALFORMED'],
    ['indefinite bytes', '5f 4101 ff', 'HANSE_RECORD_MALFORMED'],
    ['trailing bytes', 'a0 00', 'HANSE_RECORD_MALFORMED'],
    ['nothing', '', 'HANSE_RECORD_MALFORMED'],
    ['another tag', 'c1 01', 'HANSE_RECORD_MALFORMED'],
    ['a big number tag', 'c2 42 0100', 'HANSE_RECORD_MALFORMED'],
    ['integer keys', 'a1 01 01', 'HANSE_RECORD_MALFORMED'],
    ['bad UTF-8', 'a1 6161 62 c328', 'HANSE_RECORD_NOT_CANONICAL'],
    ['a surrogate in UTF-8', 'a1 6161 63 eda080', 'HANSE_RECORD_NOT_CANONICAL'],
    ['a byte order mark', 'a1 6161 63 efbbbf', 'HANSE_RECORD_NOT_CANONICAL'],
    ['two byte order marks', 'a1 6161 66 efbbbfefbbbf', 'HANSE_RECORD_NOT_CANONICAL'],
    ['a link', `a1 6161 ${cbor42} ${'00'.repeat(32)}`, 'accepted'],
    [
      'a link without its zero',
      `a1 6161 d82a5824 01711220 ${'00'.repeat(32)}`,
      'HANSE_RECORD_MALFORMED',
    ],
    ['a text for a link', 'a1 6161 d82a 6161', 'HANSE_RECORD_MALFORMED'],
    ['a length of four gigabytes', 'a1 6161 5affffffff', 'HANSE_RECORD_MALFORMED'],
  ])('%s', (_, hex, code) => expect(decode(hex)).toBe(code))

  test('nesting without end is refused, not a stack overflow', () => {
    const deep = new Uint8Array(900_000).fill(0x81)
    expect(codeOf(() => decodeCanonical(deep, 1_000_000))).toBe('HANSE_RECORD_MALFORMED')
    const closed = Uint8Array.from([...new Uint8Array(17).fill(0x81), 0x01])
    expect(codeOf(() => decodeCanonical(closed, 1000))).toBe('HANSE_RECORD_NOT_CANONICAL')
    expect(codeOf(() => decodeCanonical(closed.subarray(1), 1000))).toBe('accepted')
  })

  test('random bytes only ever throw our errors', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
        expect(codeOf(() => decodeCanonical(noise, 1000))).toMatch(/^(HANSE_RECORD_|accepted)/u)
      }),
      { numRuns: RUNS.cheap * 5 },
    )
  })

  test.each([
    ['a fraction', 0.5],
    ['an unsafe integer', 2 ** 53],
    ['minus zero', -0],
    ['NaN', Number.NaN],
    ['undefined', undefined],
    ['a function', () => 1],
    ['a lone surrogate', '\ud800'],
    ['a byte order mark', '\u{FEFF}a'],
    ['a lone surrogate as a key', { '\udfff': 1 }],
  ])('%s cannot be encoded', (_, value) => {
    expect(() => encodeCanonical({ value })).toThrow(TypeError)
  })

  test('a prototype cannot be smuggled in as a key', () => {
    const fields = dagCbor.decode(makeAcceptance().bytes) as Record<string, unknown>
    const evil = { ...fields }
    Object.defineProperty(evil, '__proto__', { value: { inputTokens: 1 }, enumerable: true })
    expect(codeOf(() => acceptance.decode(dagCbor.encode(evil)))).toBe('HANSE_RECORD_FIELDS')
  })

  test('only a CIDv1 of dag-cbor and sha2-256 names a record', () => {
    const good = cidOf(utf8('x'))
    expect(isRecordCid(good)).toBe(true)
    expect(isRecordCid(CID.createV1(0x55, good.multihash))).toBe(false)
    expect(isRecordCid(CID.createV0(good.multihash as never))).toBe(false)
    expect(isRecordCid(good.toString())).toBe(false)
    expect(isRecordCid({ cid: good })).toBe(false)
    expect(toHex(good.bytes).slice(0, 8)).toBe('01711220')
  })

  test('a link with a longer form of its numbers is refused', () => {
    // 0x9200 is a longer varint of 0x12, sha2-256.
    const hex = `a16161d82a582600017192002 0${'00'.repeat(32)}`
    expect(decode(hex)).not.toBe('accepted')
  })
})

describe('ranges', () => {
  const value = makeAuthorization().value
  test.each([
    ['a negative limit', { limit: picoEuro(-1n) }],
    ['a limit of 2^63', { limit: picoEuro(2n ** 63n) }],
    ['a fraction of a millisecond', { issuedAt: NOW + 0.5 }],
    ['an end before the beginning', { notAfter: value.issuedAt }],
    ['an empty organization', { organization: '' }],
    ['a long organization', { organization: 'x'.repeat(65) }],
    ['no peer id', { issuer: 'x' as never }],
  ] as [string, Partial<SpendAuthorization>][])('%s is not encoded', (_, changes) => {
    expect(codeOf(() => spendAuthorization.encode({ ...value, ...changes }))).toBe(
      'HANSE_RECORD_FIELDS',
    )
  })

  test('an offer whose models share a name is refused', () => {
    const { value: offered } = makeOffer()
    const [model] = offered.models
    if (model === undefined) throw new Error('no model')
    for (const other of [model, { ...model, id: 'other/name' }]) {
      expect(codeOf(() => offer.encode({ ...offered, models: [model, other] }))).toBe(
        'HANSE_RECORD_FIELDS',
      )
    }
  })

  test('an offer beyond 8 KiB is refused', () => {
    const { value: offered } = makeOffer()
    const addresses = Array.from({ length: 16 }, () => 'é'.repeat(256))
    const protocolVersions = offered.protocolVersions
    expect(codeOf(() => offer.encode({ ...offered, addresses, protocolVersions }))).toBe(
      'HANSE_RECORD_TOO_LARGE',
    )
  })

  test.each(['Upper/case', 'no-slash', 'a/', '/a', 'a/b:', 'a b/c', 'a//b', 'ä/b', 'a/b:c:d'])(
    '%j is not a model id',
    (model) => {
      const { value: ordered } = makeOrder()
      expect(codeOf(() => order.encode({ ...ordered, model }))).toBe('HANSE_RECORD_FIELDS')
    },
  )
})
