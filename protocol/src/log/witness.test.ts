import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, RUNS, signerFrom } from '../testing/fixtures.ts'
import { utf8 } from '../wire.ts'
import { toBase64 } from './base64.ts'
import { openCheckpoint, signCheckpoint } from './checkpoint.ts'
import { cosignerOf } from './cosignature.ts'
import { provesFork } from './fork.ts'
import { leafHash } from './hash.ts'
import { noteSignerOf, openNote, signNote } from './note.ts'
import vectors from './testdata/tlog-vectors.json' with { type: 'json' }
import { proveConsistency, rootOfLeaves } from './tree.ts'
import { decideAddCheckpoint, parseAddCheckpoint, type WitnessContext } from './witness.ts'
import { addCosignatures, formatAddCheckpoint, monitoringPath } from './witness-client.ts'

const log = noteSignerOf('log.example/witnessed', signerFrom(41))
const cosigner = cosignerOf('witness.example/w1', signerFrom(42))
const context: WitnessContext = { logKeys: [log.vkey], cosigner, nowSeconds: 1_800_000_000n }

const HASHES = Array.from({ length: 50 }, (_, i) => leafHash(utf8(`entry ${i}`)))
const OTHER = Array.from({ length: 50 }, (_, i) => leafHash(utf8(`other ${i}`)))
const checkpoint = (size: number, hashes = HASHES, signer = log) =>
  signCheckpoint(signer, { size: BigInt(size), root: rootOfLeaves(hashes.slice(0, size)) })
const prove = (from: number, to: number, hashes = HASHES) =>
  proveConsistency(hashes.slice(0, to), BigInt(from))
const request = (oldSize: number, proof: Uint8Array[], note: string) =>
  formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint: note })

/** A witness that has cosigned a tree of 20. */
function witnessed(size = 20): string {
  const decision = decideAddCheckpoint(context, undefined, request(0, [], checkpoint(size)))
  if (decision.status !== 200) throw new Error(decision.body)
  return decision.latest
}

describe('a witness', () => {
  test('cosigns a first checkpoint, one that grew, and the same one again', () => {
    let latest: string | undefined
    let from = 0
    for (const size of [1, 20, 20, 21, 50]) {
      const proof = prove(from, size)
      const decision = decideAddCheckpoint(context, latest, request(from, proof, checkpoint(size)))
      if (decision.status !== 200) throw new Error(decision.body)
      const cosigned = openNote(checkpoint(size) + decision.body, [log.vkey, cosigner.vkey])
      expect(cosigned.signatures.map(({ timestamp }) => timestamp)).toEqual([
        undefined,
        1_800_000_000n,
      ])
      latest = decision.latest
      const kept = openCheckpoint(latest, log.vkey, [cosigner.vkey])
      expect(kept).toMatchObject({ size: BigInt(size), cosignatures: [{ kind: 'cosignature' }] })
      from = size
    }
  })

  test('starts from the empty tree of a new log', () => {
    const latest = witnessed(0)
    const grown = decideAddCheckpoint(context, latest, request(0, [], checkpoint(7)))
    expect(grown.status).toBe(200)
    const lie = signCheckpoint(log, { size: 0n, root: new Uint8Array(32) })
    expect(decideAddCheckpoint(context, undefined, request(0, [], lie)).status).toBe(422)
  })

  test('says which size it knows', () => {
    for (const old of [0, 19, 21, 30]) {
      const decision = decideAddCheckpoint(
        context,
        witnessed(),
        request(old, prove(old, 30), checkpoint(30)),
      )
      expect(decision).toEqual({ status: 409, body: '20\n' })
    }
    const first = decideAddCheckpoint(context, undefined, request(3, prove(3, 9), checkpoint(9)))
    expect(first).toEqual({ status: 409, body: '0\n' })
  })

  test('refuses another log, another key, and a proof that does not lead there', () => {
    const stranger = noteSignerOf(log.name, signerFrom(43))
    const elsewhere = noteSignerOf('log.example/elsewhere', signerFrom(41))
    const refused: readonly [number, string][] = [
      [404, request(20, prove(20, 30), checkpoint(30, HASHES, elsewhere))],
      [403, request(20, prove(20, 30), checkpoint(30, HASHES, stranger))],
      [400, request(31, [], checkpoint(30))],
      [422, request(20, [], checkpoint(30))],
      [422, request(20, prove(19, 30), checkpoint(30))],
      [422, request(20, prove(20, 30, OTHER), checkpoint(30, OTHER))],
      [422, request(20, [...prove(20, 30), HASHES[0] ?? utf8('')], checkpoint(30))],
      [422, request(20, [HASHES[0] ?? utf8('')], checkpoint(20))],
    ]
    for (const [status, body] of refused) {
      const decision = decideAddCheckpoint(context, witnessed(), body)
      expect(decision).toEqual({ status, body: expect.any(String) })
    }
    const withProof = request(0, prove(20, 30), checkpoint(30))
    expect(decideAddCheckpoint(context, undefined, withProof).status).toBe(422)
  })

  test('keeps the evidence when the log signed two trees of one size', () => {
    const fork = checkpoint(20, OTHER)
    for (const [old, status] of [
      [20, 422],
      [7, 409],
    ] as const) {
      const latest = witnessed()
      const decision = decideAddCheckpoint(context, latest, request(old, [], fork))
      expect(decision).toMatchObject({ status, evidence: { first: latest, second: fork } })
      if (decision.status === 200 || decision.evidence === undefined) throw new Error('no evidence')
      expect(provesFork(decision.evidence, log.vkey)).toBe(true)
    }
  })

  test('knows a log by several keys', () => {
    const rotated = noteSignerOf(log.name, signerFrom(44))
    const both = { ...context, logKeys: [log.vkey, rotated.vkey] }
    const next = checkpoint(30, HASHES, rotated)
    const latest = witnessed()
    const decision = decideAddCheckpoint(both, latest, request(20, prove(20, 30), next))
    expect(decision.status).toBe(200)
    const fork = checkpoint(20, OTHER, rotated)
    const forked = decideAddCheckpoint(both, latest, request(20, [], fork))
    expect(forked).toMatchObject({ status: 422, evidence: { second: fork } })
  })

  test('goes on when the log has given up the key that signed what is kept', () => {
    const rotated = noteSignerOf(log.name, signerFrom(44))
    const after = { ...context, logKeys: [rotated.vkey] }
    const latest = witnessed()
    const decide = (old: number, note: string, proof: Uint8Array[]) =>
      decideAddCheckpoint(after, latest, request(old, proof, note))
    expect(decide(20, checkpoint(30, HASHES, rotated), prove(20, 30)).status).toBe(200)
    expect(decide(0, checkpoint(30, HASHES, rotated), [])).toEqual({ status: 409, body: '20\n' })
    expect(decide(20, checkpoint(20, OTHER, rotated), []).status).toBe(422)
    const elsewhere = noteSignerOf('log.example/elsewhere', signerFrom(41))
    const other = `${checkpoint(20, HASHES, elsewhere)}`
    const body = request(20, prove(20, 30), checkpoint(30, HASHES, rotated))
    expect(codeOf(() => decideAddCheckpoint(after, other, body))).toBe('HANSE_LOG_WITNESS_STATE')
  })

  test('does not cosign on top of a state that it cannot read', () => {
    const body = request(20, prove(20, 30), checkpoint(30))
    expect(codeOf(() => decideAddCheckpoint(context, 'damaged', body))).toBe(
      'HANSE_LOG_WITNESS_STATE',
    )
  })

  test.each([
    '',
    'old 1',
    `old 01\n\n${checkpoint(3)}`,
    `old -1\n\n${checkpoint(3)}`,
    `old 18446744073709551616\n\n${checkpoint(3)}`,
    `OLD 1\n\n${checkpoint(3)}`,
    `old 1\n${checkpoint(3)}`,
    `old 1\nAAAA\n\n${checkpoint(3)}`,
    `old 1\nnot base64\n\n${checkpoint(3)}`,
    `old 1\r\n\r\n${checkpoint(3)}`,
    `\n\n${checkpoint(3)}`,
    `old 1\n\n`,
    `old 1\n${`${toBase64(new Uint8Array(32))}\n`.repeat(64)}\n${checkpoint(3)}`,
    `old 1\n\n${signNote('no checkpoint\n', log)}`,
  ])('answers 400 to what is no request (%#)', (body) => {
    expect(codeOf(() => parseAddCheckpoint(body))).toBe('HANSE_LOG_WITNESS_REQUEST')
    expect(decideAddCheckpoint(context, undefined, body).status).toBe(400)
  })

  test('answers something to any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(200), (noise, at) => {
        expect(decideAddCheckpoint(context, undefined, noise).status).toBe(400)
        const body = utf8(request(20, prove(20, 30), checkpoint(30)))
        body.set(noise.subarray(0, 1), at)
        const { status } = decideAddCheckpoint(context, witnessed(), body)
        expect([200, 400, 403, 404, 409, 422]).toContain(status)
      }),
      { numRuns: RUNS.signed },
    )
  })
})

describe('a log that asks for cosignatures', () => {
  const second = cosignerOf('witness.example/w2', signerFrom(45))
  const note = checkpoint(20)
  const text = note.slice(0, note.indexOf('\n\n') + 1)

  test('adds those of the witnesses it knows, once', () => {
    const answer = decideAddCheckpoint(context, undefined, request(0, [], note)).body
    const cosigned = addCosignatures(note, answer, [cosigner.vkey, second.vkey])
    expect(cosigned).toBe(note + answer)
    expect(addCosignatures(cosigned, answer, [cosigner.vkey])).toBe(cosigned)
    const twice = addCosignatures(cosigned, `${second.cosign(text, 8n)}\n`, [second.vkey])
    const keys = [cosigner.vkey, second.vkey]
    expect(openCheckpoint(twice, log.vkey, keys).cosignatures).toHaveLength(2)
  })

  test('is not harmed by an answer that is wrong', () => {
    const spoiled = cosigner.cosign(`${text}more\n`, 8n)
    for (const answer of [
      '',
      'no line',
      `${spoiled}\n`,
      `${second.cosign(text, 8n)}\n`,
      '\n\n\n',
    ]) {
      expect(addCosignatures(note, answer, [cosigner.vkey])).toBe(note)
    }
  })

  test('is found by monitors under the hash of its origin', () => {
    const { origin, sha256_hex: hash } = vectors.cosignature_v1.origin_hash
    expect(monitoringPath(origin)).toBe(`${hash}/checkpoint`)
  })
})

describe('evidence of a fork', () => {
  test('is two trees of one size by one log, and nothing else', () => {
    const first = checkpoint(20)
    expect(provesFork({ first, second: checkpoint(20, OTHER) }, log.vkey)).toBe(true)
    const stranger = noteSignerOf(log.name, signerFrom(43))
    for (const second of [
      first,
      checkpoint(21, OTHER),
      checkpoint(20, OTHER, stranger),
      checkpoint(20, OTHER).replace('\n20\n', '\n21\n'),
      '',
      undefined as unknown as string,
    ]) {
      expect(provesFork({ first, second }, log.vkey)).toBe(false)
    }
    expect(provesFork({ first, second: checkpoint(20, OTHER) }, stranger.vkey)).toBe(false)
    expect(provesFork({ first, second: checkpoint(20, OTHER) }, 'no key')).toBe(false)
  })
})
