import * as first from '@hanse/protocol'
import { signerFrom } from '@hanse/protocol/testing'
import { mutated } from '@hanse/protocol/testing/fuzz'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import bundles from '../vectors/bundles.json' with { type: 'json' }
import cbor from '../vectors/cbor.json' with { type: 'json' }
import ed25519 from '../vectors/ed25519.json' with { type: 'json' }
import frames from '../vectors/frames.json' with { type: 'json' }
import limits from '../vectors/limits.json' with { type: 'json' }
import merkle from '../vectors/merkle.json' with { type: 'json' }
import notes from '../vectors/notes.json' with { type: 'json' }
import proofs from '../vectors/proofs.json' with { type: 'json' }
import statements from '../vectors/statements.json' with { type: 'json' }
import tiles from '../vectors/tiles.json' with { type: 'json' }
import { checkBundle } from './bundle.ts'
import { hex, littleEndian, unhex, utf8 } from './bytes.ts'
import { read, write } from './cbor.ts'
import { publicKeyOf, sign, verify } from './ed25519.ts'
import { readFrame } from './frames.ts'
import { isConsistent, isIncluded } from './merkle.ts'
import { openCheckpoint, openNote, parseCheckpoint, parseKey } from './notes.ts'
import { parsePolicy } from './policy.ts'
import { verifyProof } from './proofs.ts'
import { readRecord } from './records.ts'
import { readLine } from './statements.ts'
import { codeOf, sameRefusal } from './testing.ts'
import { parseTilePath } from './tiles.ts'
import { answer } from './witness.ts'

// Two implementations that share no code, on bytes that nobody foresaw: they accept the same, and refuse the same.

/** The code that the first implementation refuses with, or `accepted`. */
function firstCode(run: () => unknown): string {
  try {
    run()
    return 'accepted'
  } catch (error) {
    if (error instanceof first.HanseError) return error.code
    throw error
  }
}

function agree(ours: () => unknown, theirs: () => unknown): void {
  const [code, other] = [codeOf(ours), firstCode(theirs)]
  expect(sameRefusal(code, other), `${code}, ${other}`).toBe(true)
}

const hexes = (...samples: readonly string[]) => mutated(fc.constantFrom(...samples.map(unhex)))
const texts = (...samples: readonly string[]) =>
  mutated(fc.constantFrom(...samples.map(utf8))).map((bytes) => Buffer.from(bytes).toString('utf8'))
const RUNS = { numRuns: 600 }

describe('both implementations agree on', () => {
  test('mutated CBOR', () => {
    const samples = cbor.values.map(({ bytes }) => bytes)
    const inputs = fc.oneof(hexes(...samples, cbor.rawLink), fc.uint8Array({ maxLength: 12 }))
    fc.assert(
      fc.property(inputs, (bytes) => {
        agree(
          () => expect(hex(write(read(bytes)))).toBe(hex(bytes)),
          () => first.decodeCanonical(bytes, 1 << 20),
        )
      }),
      { numRuns: 4000 },
    )
  })

  const types = [
    first.offer,
    first.regionAttestation,
    first.landmarkPing,
    first.landmarkEcho,
    first.attestationRevocations,
    first.spendAuthorization,
    first.providerBinding,
    first.deletionRequest,
    first.deletionConfirmation,
    first.packageManifest,
    first.order,
    first.acceptance,
    first.quote,
    first.rejection,
    first.receipt,
    first.statement,
    first.logEvent,
    first.documentDigest,
    first.logKey,
    first.settlementProof,
    first.spotCheck,
  ] as const
  test.each(types)('mutated records: $type', (type) => {
    const { base, cases } = limits.types[type.type as keyof typeof limits.types]
    // Fields that are out of range in canonical bytes: mutations of bytes alone seldom make those.
    const put = cases.map(
      ({ from, to, put: bytes }) => base.slice(0, 2 * from) + bytes + base.slice(2 * to),
    )
    fc.assert(
      fc.property(hexes(base, ...put), (bytes) => {
        agree(
          () => readRecord(type.type, bytes),
          () => type.decode(bytes),
        )
      }),
      RUNS,
    )
  })

  const decoders = {
    consumer: first.decodeConsumerFrame,
    provider: first.decodeProviderFrame,
    'statement-proposal': first.decodeProposal,
    'statement-answer': first.decodeStatementAnswer,
  } as const
  test.each(Object.entries(decoders))('mutated frames of %s', (from, decode) => {
    const samples = frames.from[from as keyof typeof frames.from].map(({ bytes }) => bytes)
    fc.assert(
      fc.property(hexes(...samples), (bytes) => {
        agree(
          () => readFrame(from, bytes),
          () => decode(bytes),
        )
      }),
      RUNS,
    )
  })

  test('mutated lines of statements', () => {
    fc.assert(
      fc.property(hexes(statements.lines.base), (bytes) => {
        agree(
          () => readLine(bytes),
          () => first.decodeLine(bytes),
        )
      }),
      RUNS,
    )
  })

  test('mutated bundles', () => {
    fc.assert(
      fc.property(hexes(...bundles.right.map(({ bytes }) => bytes)), (bytes) => {
        const { checks } = first.verifyBundle(bytes, bundles.trust)
        const statuses = Object.fromEntries(checks.map(({ id, status }) => [id, status]))
        expect(checkBundle(bytes, bundles.trust)).toEqual(statuses)
      }),
      { numRuns: 20 },
    )
  })
})

describe('both implementations agree on signatures', () => {
  const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
  const points = ed25519.cases.flatMap(({ publicKey, signature }) => [
    publicKey,
    signature.slice(0, 64),
  ])
  const point = fc.oneof(
    fc.constantFrom(...points.filter(({ length }) => length === 64)).map(unhex),
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
  )
  const scalar = fc.oneof(
    fc.constantFrom(...ed25519.cases.map(({ signature }) => signature.slice(64, 128))).map(unhex),
    fc.bigInt(0n, 2n ** 256n - 1n).map(bytesOf),
    fc.constantFrom(0n, 1n, ORDER - 1n, ORDER, ORDER + 1n).map(bytesOf),
  )

  test('of crafted keys, points and scalars', () => {
    fc.assert(
      fc.property(
        point,
        point,
        scalar,
        fc.constantFrom(...ed25519.cases),
        (key, r, s, { message }) => {
          const signature = Uint8Array.of(...r, ...s)
          const said = verify(key, unhex(message), signature)
          expect(first.verifyEd25519(key, unhex(message), signature)).toBe(said)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('right ones, with S as it is and with the group order added', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array(),
        (seed, message) => {
          const key = publicKeyOf(seed)
          const right = sign(seed, message)
          expect(hex(first.signEd25519(seed, message))).toBe(hex(right))
          const more = bytesOf(littleEndian(right.subarray(32)) + ORDER)
          const malleated = Uint8Array.of(...right.subarray(0, 32), ...more)
          for (const [signature, isRight] of [
            [right, true],
            [malleated, false],
          ] as const) {
            expect(verify(key, message, signature)).toBe(isRight)
            expect(first.verifyEd25519(key, message, signature)).toBe(isRight)
          }
        },
      ),
      { numRuns: 20 },
    )
  })

  function bytesOf(value: bigint): Uint8Array {
    return unhex(value.toString(16).padStart(64, '0')).toReversed()
  }
})

describe('both implementations agree on the log:', () => {
  const hash = fc.constantFrom(...merkle.leafHashes, ...merkle.roots).map(unhex)
  const size = fc.oneof(
    fc.bigInt(0n, 40n),
    fc.bigInt(0n, 2n ** 64n),
    fc.constantFrom(-1n, 2n ** 64n - 1n),
  )
  /** The proof of a claim, with perhaps one hash more, less or other. */
  const bent = (proof: readonly string[]) =>
    fc.tuple(fc.nat(6), fc.nat(70), hash).map(([how, at, other]) => {
      const hashes = proof.map(unhex)
      if (how === 0) hashes.splice(at % (hashes.length + 1), 1)
      if (how === 1) hashes.splice(at % (hashes.length + 1), 0, other)
      if (how === 2 && hashes.length > 0) hashes[at % hashes.length] = other
      return hashes
    })

  test('inclusion proofs', () => {
    const claims = fc.constantFrom(...merkle.inclusion).chain((claim) =>
      fc.record({
        index: fc.oneof(fc.constant(BigInt(claim.leafIndex)), size),
        size: fc.oneof(fc.constant(BigInt(claim.treeSize)), size),
        leaf: fc.oneof(fc.constant(unhex(claim.leafHash)), hash),
        root: fc.oneof(fc.constant(unhex(claim.root)), hash),
        proof: bent(claim.proof),
      }),
    )
    fc.assert(
      fc.property(claims, (claim) => {
        const { index: leafIndex, size: treeSize, leaf: leafHash, proof, root } = claim
        const said = first.verifyInclusion({ leafIndex, treeSize, leafHash, proof, root })
        expect(isIncluded(claim)).toBe(said)
      }),
      RUNS,
    )
  })

  test('consistency proofs', () => {
    const claims = fc.constantFrom(...merkle.consistency).chain((claim) =>
      fc.record({
        size1: fc.oneof(fc.constant(BigInt(claim.size1)), size),
        size2: fc.oneof(fc.constant(BigInt(claim.size2)), size),
        root1: fc.oneof(fc.constant(unhex(claim.root1)), hash),
        root2: fc.oneof(fc.constant(unhex(claim.root2)), hash),
        proof: bent(claim.proof),
      }),
    )
    fc.assert(
      fc.property(claims, (claim) => {
        expect(isConsistent(claim)).toBe(first.verifyConsistency(claim))
      }),
      RUNS,
    )
  })

  test('notes and checkpoints', () => {
    const keys = notes.keys.map(({ vkey }) => vkey)
    const [log = '', , witness = ''] = keys
    const samples = [
      ...notes.notes.map(({ note }) => note),
      ...notes.checkpoints.map(({ text }) => text),
    ]
    fc.assert(
      fc.property(texts(...samples), (note) => {
        agree(
          () => openNote(note, keys),
          () => first.openNote(note, keys),
        )
        agree(
          () => parseCheckpoint(note),
          () => first.parseCheckpoint(note),
        )
        agree(
          () => openCheckpoint(note, log, [witness]),
          () => first.openCheckpoint(note, log, [witness]),
        )
      }),
      { numRuns: 120 },
    )
  })

  test('proof files and policies', () => {
    const files = [...proofs.proofs.map(({ file }) => file), ...proofs.refusedFiles]
    const { vkey } = proofs.log
    const entry = unhex(proofs.entries[4]?.entry ?? '')
    fc.assert(
      fc.property(texts(...files), (file) => {
        agree(
          () => verifyProof(file, entry, vkey),
          () => first.verifyProof(file, entry, { logKey: vkey }),
        )
      }),
      { numRuns: 300 },
    )
    const policies = [...proofs.policies.map(({ text }) => text), ...proofs.refusedPolicies]
    fc.assert(
      fc.property(texts(...policies), (text) => {
        agree(
          () => parsePolicy(text),
          () => first.parsePolicy(text),
        )
      }),
      { numRuns: 500 },
    )
  })

  test('answers of a witness', () => {
    const { name, seed, time, logKeys, requests } = proofs.witness
    const keyed = { name, seed: new Uint8Array(32).fill(seed), time: BigInt(time), logKeys }
    const cosigner = first.cosignerOf(name, signerFrom(seed))
    const context = { logKeys, cosigner, nowSeconds: BigInt(time) }
    const latest = requests.find((request) => request.latest !== null)?.latest ?? ''
    fc.assert(
      fc.property(texts(...requests.map(({ body }) => body)), (body) => {
        const { status, body: text } = first.decideAddCheckpoint(context, latest, body)
        const said = status === 200 || status === 409 ? text : null
        expect(answer(keyed, latest, body)).toEqual({ status, body: said })
      }),
      { numRuns: 150 },
    )
  })

  test('verifier keys and tile paths', () => {
    fc.assert(
      fc.property(texts(...notes.keys.map(({ vkey }) => vkey)), (vkey) => {
        agree(
          () => parseKey(vkey),
          () => first.parseVerifierKey(vkey),
        )
      }),
      RUNS,
    )
    const paths = [...tiles.paths.map(({ path }) => path), ...tiles.refused]
    fc.assert(
      fc.property(texts(...paths), (path) => {
        agree(
          () => parseTilePath(path),
          () => first.parseTilePath(path),
        )
      }),
      RUNS,
    )
  })
})
