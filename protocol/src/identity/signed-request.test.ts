import { describe, expect, test } from 'vitest'
import { signerOf } from './keys.ts'
import { type RequestFacts, requestSigner, signRequest } from './signed-request.ts'

const node = signerOf(new Uint8Array(32).fill(1))
const stranger = signerOf(new Uint8Array(32).fill(2))
const request: RequestFacts = {
  method: 'PUT',
  url: '/v1/providers/self/tax-profile?a=b',
  body: new TextEncoder().encode('{"name":"Ada"}'),
  network: 'test',
  settlement: stranger.peerId,
  at: 1_793_577_600_000,
}
const signed = (changes: Partial<RequestFacts> = {}) => {
  const headers = signRequest(node, { ...request, ...changes })
  return {
    'content-digest': headers['content-digest'] ?? '',
    'signature-input': headers['signature-input'] ?? '',
    signature: headers.signature ?? '',
  }
}

describe('a signed request', () => {
  test('says which node sends it, for a minute either way', () => {
    for (const skew of [-60_000, 0, 60_000]) {
      expect(requestSigner({ ...request, at: request.at + skew }, signed())).toBe(node.peerId)
    }
    for (const skew of [-62_000, 62_000]) {
      expect(requestSigner({ ...request, at: request.at + skew }, signed())).toBeUndefined()
    }
  })

  test('may be without a body and a query', () => {
    const { body: _body, ...bare } = { ...request, method: 'GET', url: '/v1/provider/earnings' }
    const headers = signRequest(node, bare) as never
    expect(requestSigner(bare, headers)).toBe(node.peerId)
    expect(requestSigner({ ...bare, body: new Uint8Array() }, headers)).toBe(node.peerId)
  })

  test.each<[string, Partial<RequestFacts>]>([
    ['method', { method: 'POST' }],
    ['path', { url: '/v1/providers/self/tax-profil?a=b' }],
    ['query', { url: '/v1/providers/self/tax-profile?a=c' }],
    ['body', { body: new TextEncoder().encode('{"name":"Eve"}') }],
    ['network', { network: 'other' }],
    ['settlement', { settlement: node.peerId }],
  ])('is void with another %s', (_what, changes) => {
    expect(requestSigner({ ...request, ...changes }, signed())).toBeUndefined()
  })

  test('is void when somebody else’s key is named, or the signature is not there', () => {
    const { 'signature-input': input, ...rest } = signed()
    const other = { ...rest, 'signature-input': input.replace(node.peerId, stranger.peerId) }
    expect(requestSigner(request, other)).toBeUndefined()
    expect(requestSigner(request, { ...signed(), signature: '' })).toBeUndefined()
    const nothing = { 'content-digest': '', 'signature-input': '', signature: '' }
    expect(requestSigner(request, nothing)).toBeUndefined()
  })
})
