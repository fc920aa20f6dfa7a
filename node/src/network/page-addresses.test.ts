import assert from 'node:assert/strict'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, test } from 'vitest'
import { isDenied } from './page-addresses.ts'

const PEER = '12D3KooWGRUaDxkW4Wb1YxHhyZzRBJ3pkCkY8tTbSvvFJBkX8E3Q'
const denied = (address: string, rules: { lan?: boolean; secure?: boolean } = {}): boolean =>
  isDenied(multiaddr(address), { lan: false, secure: false, ...rules })

describe('a page that is not told that its network is local', () => {
  test.each([
    '/ip4/127.0.0.1/tcp/1/ws',
    '/ip4/10.1.2.3/tcp/1/ws',
    '/ip4/172.31.0.1/tcp/1/ws',
    '/ip4/192.168.1.1/tcp/1/ws',
    '/ip4/100.64.0.1/tcp/1/ws',
    '/ip6/::1/tcp/1/ws',
    '/ip6/::ffff:192.168.1.1/tcp/1/ws',
    '/ip6/fd00::1/tcp/1/ws',
    '/ip6/fe80::1/tcp/1/ws',
    '/dns4/localhost/tcp/1/ws',
    '/dns4/printer.local/tcp/1/ws',
    `/ip4/192.168.1.1/tcp/1/ws/p2p/${PEER}/p2p-circuit`,
  ])('does not dial %s, and does when it is told so', (address) => {
    assert.equal(denied(address), true)
    assert.equal(denied(address, { lan: true }), false)
  })

  test.each([
    '/ip4/100.128.0.1/tcp/1/ws',
    '/ip4/172.32.0.1/tcp/1/ws',
    '/ip4/193.168.1.1/tcp/1/ws',
    '/ip6/2001:db8::1/tcp/1/ws',
    '/dns4/relay.example/tcp/443/wss',
  ])('dials %s', (address) => assert.equal(denied(address), false))
})

describe('a page that came over https', () => {
  test.each([
    ['/ip4/203.0.113.1/tcp/1/ws', true],
    ['/dns4/relay.example/tcp/1/ws', true],
    ['/ip4/192.168.1.1/tcp/1/ws', true],
    ['/dns4/relay.example/tcp/443/tls/ws', false],
    ['/dns4/relay.example/tcp/443/wss', false],
    // Its browser takes its own machine for safe.
    ['/ip4/127.0.0.1/tcp/1/ws', false],
    // The way to the relay was found already.
    [`/ip4/203.0.113.1/tcp/1/p2p/${PEER}/p2p-circuit`, false],
  ])('dials %s: denied %s', (address, expected) => {
    assert.equal(denied(address, { lan: true, secure: true }), expected)
  })
})
