import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256 } from '#crypto'
import { codeOf, RUNS, signerFrom } from '../testing/fixtures.ts'
import { utf8 } from '../wire.ts'
import { toBase64 } from './base64.ts'
import { signCheckpoint } from './checkpoint.ts'
import { cosignerOf } from './cosignature.ts'
import { leafHash } from './hash.ts'
import { noteSignerOf } from './note.ts'
import { parsePolicy } from './policy.ts'
import { formatProof, parseProof, verifyProof } from './proof.ts'
import vectors from './testdata/tlog-vectors.json' with { type: 'json' }
import { proveInclusion, rootOf } from './tree.ts'

const log = noteSignerOf('log.example/proofs', signerFrom(51))
const [w1, w2, w3] = [52, 53, 54].map((seed) =>
  cosignerOf(`witness.example/${seed}`, signerFrom(seed)),
) as [ReturnType<typeof cosignerOf>, ...ReturnType<typeof cosignerOf>[]]

const ENTRIES = Array.from({ length: 11 }, (_, i) => utf8(`entry ${i}`))
const entry = ENTRIES[6] ?? utf8('')
const signed = signCheckpoint(log, { size: 11n, root: rootOf(ENTRIES) })
const text = signed.slice(0, signed.indexOf('\n\n') + 1)
const cosigned = `${signed}${w1.cosign(text, 1n)}\n${w2?.cosign(text, 2n)}\n`
const hashes = proveInclusion(ENTRIES.map(leafHash), 6n)
const proof = formatProof({ index: 6n, hashes, checkpoint: cosigned })
const trust = { logKey: log.vkey }

describe('a proof', () => {
  test('is written and read as published', () => {
    for (const vector of vectors.tlog_proof.vectors) {
      const { index, extra_utf8: extra, hashes_are_sha256_of: of, checkpoint } = vector
      const parts = {
        index: BigInt(index),
        ...(extra === undefined ? {} : { extra: utf8(extra) }),
        hashes: of.map((hash) => sha256(utf8(hash))),
        checkpoint,
      }
      expect(formatProof(parts)).toBe(vector.text)
      expect(parseProof(vector.text)).toEqual(parts)
      expect(parseProof(utf8(vector.text))).toEqual(parts)
    }
  })

  test.each([
    ...vectors.tlog_proof.reject,
    `c2sp.org/tlog-proof@v1\nindex 0\n${toBase64(new Uint8Array(64))}\n\ncheckpoint\n`,
    `c2sp.org/tlog-proof@v1\nindex 0\n${'a'.repeat(65 * 1024)}\n`,
    `c2sp.org/tlog-proof@v1\nindex 0\n${`${toBase64(new Uint8Array(32))}\n`.repeat(66)}\ncheckpoint\n`,
    'c2sp.org/tlog-proof@v1\nindex 0\n',
    'c2sp.org/tlog-proof@v1\nindex 0\n\n',
    'c2sp.org/tlog-proof@v1\nindex 00\n\ncheckpoint\n',
    'c2sp.org/tlog-proof@v1\nindex +1\n\ncheckpoint\n',
    'c2sp.org/tlog-proof@v1\nindex 18446744073709551616\n\ncheckpoint\n',
    'c2sp.org/tlog-proof@v1\nindex 0\nextra AA==\n\ncheckpoint\n',
    'c2sp.org/tlog-proof@v1\nextra AB==\nindex 0\n\ncheckpoint\n',
    'c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\ncheckpoint\n',
    'c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n',
    '',
    '\n\n',
  ])('is refused when malformed (%#)', (file) => {
    expect(codeOf(() => parseProof(file))).toBe('HANSE_LOG_PROOF_FORMAT')
    expect(codeOf(() => verifyProof(file, entry, trust))).toBe('HANSE_LOG_PROOF_FORMAT')
  })

  test('of any bytes is a proof or a coded refusal', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(400), (noise, at) => {
        expect(codeOf(() => parseProof(noise))).toBe('HANSE_LOG_PROOF_FORMAT')
        const bytes = utf8(proof)
        bytes.set(noise.subarray(0, 3), Math.min(at, bytes.byteLength - 3))
        expect(codeOf(() => verifyProof(bytes, entry, trust))).toMatch(/^accepted$|^HANSE_LOG_/u)
      }),
      { numRuns: RUNS.signed },
    )
  })

  test('verifies an entry, and nothing else', () => {
    const verified = verifyProof(proof, entry, trust)
    expect(verified).toMatchObject({ index: 6n, checkpoint: { origin: log.name, size: 11n } })
    const withExtra = formatProof({ index: 6n, extra: utf8('x'), hashes, checkpoint: cosigned })
    expect(verifyProof(withExtra, entry, trust).extra).toEqual(utf8('x'))
    const wrong = [
      [proof, ENTRIES[5] ?? entry],
      [proof.replace('index 6', 'index 7'), entry],
      [proof.replace('index 6', 'index 11'), entry],
      [formatProof({ index: 6n, hashes: hashes.slice(1), checkpoint: cosigned }), entry],
    ] as const
    for (const [file, bytes] of wrong) {
      expect(codeOf(() => verifyProof(file, bytes, trust))).toBe('HANSE_LOG_PROOF')
    }
    const stranger = noteSignerOf(log.name, signerFrom(55)).vkey
    expect(codeOf(() => verifyProof(proof, entry, { logKey: stranger }))).toBe('HANSE_LOG_UNSIGNED')
    const spoiled = proof.replace('\n11\n', '\n12\n')
    expect(codeOf(() => verifyProof(spoiled, entry, trust))).toBe('HANSE_LOG_SIGNATURE')
  })

  test('needs every witness that is asked for', () => {
    const byWitnesses = (...witnessKeys: string[]) =>
      codeOf(() => verifyProof(proof, entry, { ...trust, witnessKeys }))
    expect(byWitnesses(w1.vkey, w2?.vkey ?? '')).toBe('accepted')
    expect(byWitnesses(w1.vkey, w3?.vkey ?? '')).toBe('HANSE_LOG_QUORUM')
  })

  test('needs the quorum of a policy', () => {
    const policyOf = (quorum: string) =>
      parsePolicy(
        [
          `log ${log.vkey} https://log.example/proofs`,
          `witness A ${w1.vkey}`,
          `witness B ${w2?.vkey}`,
          `witness C ${w3?.vkey}`,
          quorum,
        ].join('\n'),
      )
    const byPolicy = (quorum: string) =>
      codeOf(() => verifyProof(proof, entry, { policy: policyOf(quorum) }))
    expect(byPolicy('group G 2 A B C\nquorum G')).toBe('accepted')
    expect(byPolicy('group G all A B C\nquorum G')).toBe('HANSE_LOG_QUORUM')
    expect(byPolicy('quorum C')).toBe('HANSE_LOG_QUORUM')
    expect(byPolicy('quorum none')).toBe('accepted')
    const elsewhere = noteSignerOf('log.example/elsewhere', signerFrom(51))
    const policy = parsePolicy(`log ${elsewhere.vkey}\nquorum none\n`)
    expect(codeOf(() => verifyProof(proof, entry, { policy }))).toBe('HANSE_LOG_ORIGIN')
  })
})
