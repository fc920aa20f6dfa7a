import { describe, expect, test } from 'vitest'
import bundles from '../../../test/vectors/bundles.json' with { type: 'json' }
import discovery from '../../../test/vectors/discovery.json' with { type: 'json' }
import frames from '../../../test/vectors/frames.json' with { type: 'json' }
import statements from '../../../test/vectors/statements.json' with { type: 'json' }
import { leafHash } from '../log/hash.ts'
import { verifyInclusion } from '../log/verify.ts'
import { browseKey, keysOf, modelKey, offerKey } from '../market/keys.ts'
import { offer } from '../market/offer.ts'
import { bundleManifest } from '../receipt/bundle.ts'
import { readCar, writeCar } from '../receipt/car.ts'
import { verifyBundle } from '../receipt/verify-bundle.ts'
import { decodeConsumerFrame, decodeProviderFrame } from '../session/frames.ts'
import { decodeProposal, decodeStatementAnswer } from '../statement/frames.ts'
import { decodeLine, encodeLine } from '../statement/line.ts'
import { checkFollows, openStatement, proveLine } from '../statement/statement.ts'
import { cidOf, concat, decodeCanonical, encodeCanonical, varint } from '../wire.ts'
import { codeOf, fromHex, toHex } from './fixtures.ts'
import { changed, type SignedJson, signedOf, tagged, untagged } from './vectors.ts'

const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  consumer: decodeConsumerFrame,
  provider: decodeProviderFrame,
  'statement-proposal': decodeProposal,
  'statement-answer': decodeStatementAnswer,
}

describe('frames', () => {
  test.each(Object.entries(frames.from))('of %s', (from, ofSide) => {
    const decode = DECODERS[from]
    if (decode === undefined) throw new Error(`nobody sends frames as ${from}`)
    for (const { fields, bytes, wire, cases } of ofSide) {
      expect(tagged(decode(fromHex(bytes)))).toEqual(fields)
      expect(toHex(encodeCanonical(untagged(fields)))).toBe(bytes)
      expect(toHex(concat([varint(bytes.length / 2), fromHex(bytes)]))).toBe(wire)
      for (const one of cases) {
        const got = codeOf(() => decode(changed(bytes, one)))
        expect(`${one.why}: ${got}`).toBe(`${one.why}: ${one.code ?? 'accepted'}`)
      }
    }
  })
})

test('offers are listed under these keys', () => {
  for (const { text, cid } of discovery.models) {
    const region = text.slice(text.lastIndexOf('/') + 1)
    const model = text.slice('hanse/v1/model/'.length, text.lastIndexOf('/'))
    expect(modelKey(model, region).toString()).toBe(cid)
  }
  for (const { text, cid } of discovery.regions) {
    expect(browseKey(text.slice('hanse/v1/any/'.length)).toString()).toBe(cid)
  }
  const listed = keysOf(offer.decode(fromHex(discovery.listed.offer))).map((key) => key.toString())
  expect(listed.toSorted()).toEqual(discovery.listed.keys)
  expect(toHex(offerKey(discovery.value.peer))).toBe(discovery.value.key)
  const { fields, bytes } = discovery.answer
  expect(tagged(decodeCanonical(fromHex(bytes), 1 << 20))).toEqual(fields)
})

describe('statements', () => {
  const context = { network: statements.network }
  const open = (signed: SignedJson, lines: readonly string[]) =>
    openStatement(context, signedOf(signed), lines.map(fromHex))

  test('of one lane follow one another', () => {
    let before: ReturnType<typeof open> | undefined
    for (const { lines, cid, fields, ...signed } of statements.statements) {
      const leaves = lines.map(({ bytes }) => fromHex(bytes))
      const opened = open(
        signed,
        lines.map(({ bytes }) => bytes),
      )
      expect(opened.cid.toString()).toBe(cid)
      expect(tagged(opened.value)).toEqual(fields)
      checkFollows(opened, before)
      for (const [i, { bytes, leafHash: leaf, proof, fields: ofLine }] of lines.entries()) {
        expect(toHex(encodeLine(decodeLine(fromHex(bytes))))).toBe(bytes)
        expect(tagged(decodeCanonical(fromHex(bytes), 320))).toEqual(ofLine)
        expect(toHex(leafHash(fromHex(bytes)))).toBe(leaf)
        expect(proveLine(leaves, i).map(toHex)).toEqual(proof)
        const claim = {
          leafIndex: BigInt(i),
          treeSize: BigInt(lines.length),
          leafHash: fromHex(leaf),
          proof: proof.map(fromHex),
          root: opened.value.root,
        }
        expect(verifyInclusion(claim)).toBe(true)
      }
      before = opened
    }
  })

  test.each(statements.refused)('$why', ({ lines, code, ...signed }) => {
    expect(codeOf(() => open(signed, lines))).toBe(code)
  })

  test.each(statements.broken)('$why', ({ before, after, code }) => {
    const last = before === null ? undefined : open(before, before.lines)
    expect(codeOf(() => checkFollows(open(after, after.lines), last))).toBe(code)
  })

  test.each(statements.lines.cases)('a line: $why', (one) => {
    const bytes = changed(statements.lines.base, one)
    expect(codeOf(() => decodeLine(bytes))).toBe(one.code ?? 'accepted')
    if (one.code === null) expect(toHex(encodeLine(decodeLine(bytes)))).toBe(toHex(bytes))
  })
})

describe('bundles', () => {
  test.each(bundles.right)('$why', ({ bytes, cid, root, manifest, checks }) => {
    const file = readCar(fromHex(bytes))
    expect(cidOf(fromHex(bytes)).toString()).toBe(cid)
    expect(file.root.toString()).toBe(root)
    expect(toHex(writeCar(file))).toBe(bytes)
    expect(tagged(bundleManifest.decode(fromHex(manifest.bytes)))).toEqual(manifest.fields)
    const encoded = bundleManifest.encode(
      untagged(manifest.fields) as Parameters<typeof bundleManifest.encode>[0],
    )
    expect(toHex(encoded)).toBe(manifest.bytes)
    const statuses = (trust?: typeof bundles.trust) =>
      Object.fromEntries(
        verifyBundle(fromHex(bytes), trust).checks.map(({ id, status }) => [id, status]),
      )
    expect(statuses(bundles.trust)).toEqual(checks.trusted)
    expect(statuses()).toEqual(checks.untrusted)
  })

  test.each(bundles.wrong)('$why', ({ bytes, failed }) => {
    const { verified, checks } = verifyBundle(fromHex(bytes), bundles.trust)
    expect(verified).toBe(false)
    expect(checks.find(({ status }) => status === 'failed')?.id).toBe(failed)
  })
})
