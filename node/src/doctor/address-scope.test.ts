import assert from 'node:assert/strict'
import { test } from 'vitest'
import { scopeOf, scopeOfHost, widest } from './address-scope.ts'

test.each([
  ['/ip4/127.0.0.1/tcp/1', 'loopback'],
  ['/ip6/::1/tcp/1', 'loopback'],
  ['/dns4/localhost/tcp/1', 'loopback'],
  ['/ip4/10.1.2.3/tcp/1', 'private'],
  ['/ip4/172.31.0.1/tcp/1/ws', 'private'],
  ['/ip4/172.32.0.1/tcp/1', 'public'],
  ['/ip4/100.64.0.1/tcp/1', 'private'],
  ['/ip4/100.128.0.1/tcp/1', 'public'],
  ['/ip4/169.254.1.1/tcp/1', 'private'],
  ['/ip6/fe80::1/tcp/1', 'private'],
  ['/ip6/fd00::1/tcp/1', 'private'],
  ['/ip6/2001:db8::1/tcp/1', 'public'],
  ['/dns4/nas.local/tcp/1', 'private'],
  ['/dns4/relay.example.org/tcp/443', 'public'],
  ['/ip4/0.0.0.0/tcp/4001', 'public'],
] as const)('%s is %s', (address, scope) => {
  assert.equal(scopeOf(address), scope)
})

test('a URL’s host has a scope too, and the widest address counts', () => {
  assert.equal(scopeOfHost(new URL('http://[::1]:8080').hostname), 'loopback')
  assert.equal(scopeOfHost('api.example.com'), 'public')
  assert.equal(widest(['/ip4/127.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/1']), 'private')
  assert.equal(widest([]), undefined)
})
