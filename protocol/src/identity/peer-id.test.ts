import fc from 'fast-check'
import { base58btc } from 'multiformats/bases/base58'
import { describe, expect, test } from 'vitest'
import { consumer, fromHex, RUNS, toHex } from '../testing/fixtures.ts'
import { isPeerId, peerIdOf, publicKeyOfPeer } from './peer-id.ts'

/**
 * From libp2p's peer-id specification (peer-ids/peer-ids.md, test vectors, Ed25519): the protobuf of the key is
 * 08011220 and these 32 bytes. The id is base58btc of 0024 (identity multihash) and that protobuf.
 */
const KEY = '1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e'

describe('peer ids', () => {
  test('a public key has the id that base58 of its protobuf gives', () => {
    const bytes = fromHex(`002408011220${KEY}`)
    expect(peerIdOf(fromHex(KEY))).toBe(base58btc.baseEncode(bytes))
    expect(toHex(publicKeyOfPeer(peerIdOf(fromHex(KEY))))).toBe(KEY)
  })

  test('the id of the first RFC 8032 key, computed by hand with bignum arithmetic', () => {
    const key = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
    expect(peerIdOf(fromHex(key))).toBe('12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV')
  })

  test('every key comes back out of its id', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const key = Uint8Array.from(bytes)
        key[31] = 0x10
        key[0] = 0x77
        const id = peerIdOf(key)
        expect(id).toHaveLength(52)
        expect(id.startsWith('12D3Koo')).toBe(true)
        expect(publicKeyOfPeer(id)).toEqual(key)
      }),
      { numRuns: RUNS.cheap },
    )
  })

  const id = consumer.peerId
  test.each([
    ['empty', ''],
    ['cut', id.slice(0, -1)],
    ['longer', `${id}1`],
    ['with a leading one', `1${id}`],
    ['with a space', ` ${id}`],
    ['not base58', `${id.slice(0, -1)}0`],
    ['an RSA id', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'],
    ['a CID form', 'bafzaajaiaejca4syrpdu6gdx4wsdnokxkprgzxf4wrstuc34gxw5k5jrag2so5gk'],
    ['a key of small order', peerIdOf(fromHex(`01${'00'.repeat(31)}`))],
    ['a non-canonical key', peerIdOf(fromHex(`ee${'ff'.repeat(30)}7f`))],
    ['a short key', peerIdOf(fromHex('77'.repeat(31)))],
    ['a key of another type', base58btc.baseEncode(fromHex(`002408021220${'77'.repeat(32)}`))],
  ])('%s is not a peer id', (_, text) => {
    expect(isPeerId(text)).toBe(false)
    expect(() => publicKeyOfPeer(text)).toThrow(
      expect.objectContaining({ code: 'HANSE_PEER_ID_INVALID' }),
    )
  })

  test('a megabyte of base58 is refused at once', () => {
    const started = performance.now()
    expect(isPeerId(`12D3Koo${'z'.repeat(1 << 20)}`)).toBe(false)
    expect(performance.now() - started).toBeLessThan(200)
  })
})
