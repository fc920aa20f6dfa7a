import {
  authorizationSigners,
  picoEuro,
  type SignedRecord,
  signRecord,
  spendAuthorization,
} from '@hanse/protocol'
import { expect, test } from 'vitest'
import { newSigner } from '../testing/deals.ts'
import { OpenedRecords } from './opened-records.ts'

const context = { network: 'test' }
const [settlement, consumer, provider] = [newSigner(), newSigner(), newSigner()]

function authorization(serial: number) {
  const value = {
    issuer: settlement.peerId,
    consumer: consumer.peerId,
    provider: provider.peerId,
    organization: 'org',
    limit: picoEuro(1n),
    issuedAt: 1,
    notAfter: 2,
    serial: BigInt(serial),
  }
  return signRecord(context, spendAuthorization, value, 'settlement', settlement)
}

const open = (records: OpenedRecords, signed: SignedRecord, network = 'test') =>
  records.open({ network }, spendAuthorization, signed, authorizationSigners)

test('the same record is opened once, and any other bit is looked at anew', () => {
  const records = new OpenedRecords('test')
  const good = authorization(1)
  const opened = open(records, good)
  expect(open(records, { ...good })).toBe(opened)
  const [signature] = good.signatures
  if (signature === undefined) throw new Error('not signed')
  const flipped = signature.signature.map((byte, i) => (i === 63 ? byte ^ 1 : byte))
  const forged = { bytes: good.bytes, signatures: [{ ...signature, signature: flipped }] }
  const invalid = expect.objectContaining({ code: 'HANSE_SIGNATURE_INVALID' })
  // A fault is no less a fault the second time.
  for (const _ of [1, 2]) expect(() => open(records, forged)).toThrow(invalid)
  expect(() => open(records, good, 'elsewhere')).toThrow(invalid)
  expect(() => open(records, { ...good, signatures: [] })).toThrow(
    expect.objectContaining({ code: 'HANSE_SIGNATURE_MISSING' }),
  )
})

test('it remembers so many and no more', () => {
  const records = new OpenedRecords('test', 2)
  const [first, second, third] = [authorization(1), authorization(2), authorization(3)]
  const opened = [first, second, third].map((signed) => open(records, signed))
  expect(open(records, third)).toBe(opened[2])
  expect(open(records, first)).not.toBe(opened[0])
})
