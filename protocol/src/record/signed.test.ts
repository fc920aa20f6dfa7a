import { describe, expect, test } from 'vitest'
import { HanseError } from '../errors.ts'
import type { Signer } from '../identity/keys.ts'
import { receipt, receiptSigners } from '../receipt/receipt.ts'
import { acceptance, acceptanceSigners, quote } from '../session/records.ts'
import {
  consumer,
  context,
  makeAcceptance,
  makeOrder,
  makeReceipts,
  provider,
  sign,
  stranger,
} from '../testing/fixtures.ts'
import { isSignatureValid, openSigned, type Role, type Signature, signBytes } from './signed.ts'

const accepted = makeAcceptance()
const [issued] = makeReceipts(makeOrder(), accepted)
if (issued === undefined) throw new Error('no receipt')
const both = receiptSigners(consumer.peerId, provider.peerId)
const [byProvider, byConsumer] = issued.signatures as [Signature, Signature]

const openReceipt = (signatures: readonly Signature[]) => {
  try {
    openSigned(context, receipt, { bytes: issued.bytes, signatures }, both)
  } catch (error) {
    return error instanceof HanseError ? error.code : error
  }
  return 'opened'
}
const by = (signer: Signer, role: Role, network = 'test'): Signature =>
  signBytes({ network }, receipt, issued.bytes, role, signer)

describe('a receipt', () => {
  test('opens with both signatures, in either order', () => {
    expect(openReceipt([byProvider, byConsumer])).toBe('opened')
    expect(openReceipt([byConsumer, byProvider])).toBe('opened')
  })

  test.each([
    ['no signature', [], 'HANSE_SIGNATURE_MISSING'],
    ['one signature', [byProvider], 'HANSE_SIGNATURE_MISSING'],
    ['one signature twice', [byProvider, byProvider], 'HANSE_SIGNATURE_MISSING'],
    [
      'an extra signature',
      [byProvider, byConsumer, by(stranger, 'log')],
      'HANSE_SIGNATURE_MISSING',
    ],
    [
      'a stranger for the consumer',
      [byProvider, by(stranger, 'consumer')],
      'HANSE_SIGNATURE_MISSING',
    ],
    ['the consumer as provider', [byProvider, by(consumer, 'provider')], 'HANSE_SIGNATURE_MISSING'],
    [
      'swapped signatures',
      [
        { ...byProvider, signature: byConsumer.signature },
        { ...byConsumer, signature: byProvider.signature },
      ],
      'HANSE_SIGNATURE_INVALID',
    ],
    [
      'a signature for another role',
      [byProvider, { ...by(consumer, 'provider'), role: 'consumer' as const }],
      'HANSE_SIGNATURE_INVALID',
    ],
    [
      'a signature for another network',
      [byProvider, by(consumer, 'consumer', 'main')],
      'HANSE_SIGNATURE_INVALID',
    ],
    [
      "a stranger's signature under the consumer's name",
      [byProvider, { ...by(stranger, 'consumer'), signer: consumer.peerId }],
      'HANSE_SIGNATURE_INVALID',
    ],
    [
      'an empty signature',
      [byProvider, { ...byConsumer, signature: new Uint8Array(64) }],
      'HANSE_SIGNATURE_INVALID',
    ],
  ] as [string, Signature[], string][])('with %s is refused', (_, signatures, code) => {
    expect(openReceipt(signatures)).toBe(code)
  })
})

test('a signature does not carry over to another record or type', () => {
  const other = makeAcceptance(undefined, { inputTokens: 11n })
  const [signature] = accepted.signatures
  if (signature === undefined) throw new Error('unsigned')
  expect(isSignatureValid(context, acceptance, accepted.bytes, signature)).toBe(true)
  expect(isSignatureValid(context, acceptance, other.bytes, signature)).toBe(false)
  expect(isSignatureValid(context, quote, accepted.bytes, signature)).toBe(false)
})

test('the parts of what is signed cannot be shifted into one another', () => {
  const sig = signBytes({ network: 'a' }, { type: 'b' }, Uint8Array.of(1, 2), 'provider', provider)
  for (const [network, type, bytes] of [
    ['a', 'b\u0001', Uint8Array.of(2)],
    ['a/provider', 'b', Uint8Array.of(1, 2)],
    ['', 'b', Uint8Array.of(1, 2)],
    ['a', '', Uint8Array.of(1, 2)],
  ] as const) {
    expect(isSignatureValid({ network }, { type }, bytes, sig)).toBe(false)
  }
})

test('a record opens only as signed by the peer that it names', () => {
  const forged = sign(acceptance, accepted.value, 'provider', stranger)
  expect(() => openSigned(context, acceptance, forged, acceptanceSigners)).toThrow(
    expect.objectContaining({ code: 'HANSE_SIGNATURE_MISSING' }),
  )
})
