import { encodeCanonical } from '@hanse/protocol'
import { context, makeBundle, makeEvidence } from '@hanse/protocol/testing'
import { expect, test } from 'vitest'
import { carSections } from './car-sections.ts'
import { check, checkReceipt } from './check.ts'
import { readPasted } from './pasted.ts'

const evidence = makeEvidence()
const bundle = makeBundle()
const [first] = evidence.receipts
if (first === undefined) throw new Error('no receipt')

test('a whole bundle is verified, with every knot of its chain', () => {
  const outcome = check(bundle, {})
  expect(outcome).toMatchObject({ kind: 'bundle', verified: true })
  expect(outcome.chain).toHaveLength(evidence.receipts.length)
  for (const link of outcome.chain) {
    expect(link).toMatchObject({ named: true, linked: true, signedBy: ['provider', 'consumer'] })
  }
})

test('of a bundle with a changed receipt the knot is told that was changed', () => {
  const changed = bundle.slice()
  const block = carSections(changed).at(-2)
  if (block === undefined) throw new Error('no block')
  // In the amount of the second receipt of three: behind the key "amount" in the record.
  const at = indexOf(block.bytes, new TextEncoder().encode('amount')) + 'amount'.length + 2
  block.bytes[at] = (block.bytes[at] ?? 0) ^ 1
  const outcome = check(changed, {})
  expect(outcome.verified).toBe(false)
  expect(outcome.lines.at(-1)).toMatchObject({ id: 'file', status: 'failed' })
  const states = outcome.chain.map(({ named, linked, signedBy }) => [
    named,
    linked,
    signedBy.length,
  ])
  expect(states).toEqual([
    [true, true, 2],
    [false, true, 0],
    [true, false, 2],
  ])
})

test('what is no bundle is a failed line, and no fault', () => {
  for (const bytes of [
    new Uint8Array(),
    new TextEncoder().encode('{"a":1}'),
    bundle.slice(0, 200),
  ]) {
    expect(check(bytes, {})).toMatchObject({ verified: false, summary: undefined })
  }
})

test('one receipt is held against both signatures, on its network only', () => {
  const trust = { network: context.network }
  expect(checkReceipt(first, trust).verified).toBe(true)
  expect(checkReceipt(first, { network: 'elsewhere' }).verified).toBe(false)
  const [one] = first.signatures
  const alone = checkReceipt({ bytes: first.bytes, signatures: one ? [one] : [] }, trust)
  expect(alone.lines.map(({ id, status }) => [id, status])).toEqual([
    ['form', 'ok'],
    ['provider', 'ok'],
    ['consumer', 'failed'],
  ])
  const travelling = encodeCanonical({
    bytes: first.bytes,
    signatures: first.signatures.map((signature) => ({ ...signature })),
  })
  expect(check(travelling, trust)).toMatchObject({ kind: 'receipt', verified: true })
})

test('texts are read as hex, as Base64 and as the API writes signed records', () => {
  const base64 = Buffer.from(bundle).toString('base64')
  for (const text of [Buffer.from(bundle).toString('hex'), ` ${base64}\n`]) {
    expect(readPasted(text)).toEqual({ kind: 'bytes', bytes: new Uint8Array(bundle) })
  }
  const signature = Buffer.alloc(64).toString('base64')
  const signed = { bytes: 'AAAA', signatures: [{ signer: 'a', role: 'provider', signature }] }
  expect(readPasted(JSON.stringify(signed))).toMatchObject({ kind: 'signed' })
  for (const bad of ['', '{', '{}', '{"bytes":1}', 'no text of ours!'])
    expect(readPasted(bad)).toBeUndefined()
})

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(part)
}
