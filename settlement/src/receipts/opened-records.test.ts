import { order, orderSigners, receipt, receiptSigners } from '@hanse/protocol'
import { expect, test } from 'vitest'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { OpenedRecords } from './opened-records.ts'

const context = { network: 'test' }
const [consumer, provider, thief] = [newSigner(), newSigner(), newSigner()]
const { submission } = makeDeal({ ...context, consumer, provider, at: 1_000_000 })
const good = submission(0, 5)

test('the same record is opened once, and any other bit is looked at anew', () => {
  const records = new OpenedRecords('test')
  const open = (signed = good.order, network = 'test') =>
    records.open({ network }, order, signed, orderSigners)
  const opened = open()
  expect(open({ ...good.order })).toBe(opened)
  const [signature] = good.order.signatures
  if (signature === undefined) throw new Error('not signed')
  const flipped = signature.signature.map((byte, i) => (i === 63 ? byte ^ 1 : byte))
  const forged = { bytes: good.order.bytes, signatures: [{ ...signature, signature: flipped }] }
  const invalid = expect.objectContaining({ code: 'HANSE_SIGNATURE_INVALID' })
  expect(() => open(forged)).toThrow(invalid)
  // A fault is no less a fault the second time.
  expect(() => open(forged)).toThrow(invalid)
  expect(() => open(good.order, 'elsewhere')).toThrow(invalid)
  expect(() => open({ ...good.order, signatures: [] })).toThrow(
    expect.objectContaining({ code: 'HANSE_SIGNATURE_MISSING' }),
  )
})

test('a receipt that was opened for its own peers is not taken for those of others', () => {
  const records = new OpenedRecords('test')
  const openFor = (peer: typeof consumer) => {
    const signers = receiptSigners(peer.peerId, provider.peerId)
    return records.open(context, receipt, good.receipt, signers, peer.peerId)
  }
  expect(openFor(consumer)).toBe(openFor(consumer))
  expect(() => openFor(thief)).toThrow(expect.objectContaining({ code: 'HANSE_SIGNATURE_MISSING' }))
})

test('it remembers so many and no more', () => {
  const records = new OpenedRecords('test')
  const first = records.open(context, order, good.order, orderSigners)
  for (let i = 0; i < 2_048; i++) {
    // The bytes are the same, the type is not: each is remembered under a name of its own.
    records.open(context, order, good.order, orderSigners, `${i}`)
  }
  expect(records.open(context, order, good.order, orderSigners)).not.toBe(first)
})
