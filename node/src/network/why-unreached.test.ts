import { expect, test } from 'vitest'
import { whyUnreached } from './why-unreached.ts'

const RELAYED = ['/ip4/192.0.2.1/tcp/1/p2p/a/p2p-circuit/p2p/b']
const DIRECT = ['/ip4/192.0.2.1/tcp/1/p2p/b']
const named = (name: string, message = '') => Object.assign(new Error(message), { name })
const denied = named('DialDeniedError')
const otherKey = named(
  'EncryptionFailedError',
  'Payload identity key x does not match expected remote identity key y',
)

test.each([
  ['another key', otherKey, DIRECT, 'another-peer'],
  [
    'another key among other faults',
    new AggregateError([denied, otherKey]),
    DIRECT,
    'another-peer',
  ],
  ['another key as a cause', new Error('x', { cause: otherKey }), RELAYED, 'another-peer'],
  ['relays alone that are left out', denied, RELAYED, 'relay-excluded'],
  ['a direct way that is not allowed', denied, DIRECT, undefined],
  ['a way besides a relay', denied, [...RELAYED, ...DIRECT], undefined],
  ['no way at all', denied, [], undefined],
  ['nobody there', named('ConnectionFailedError', 'ECONNREFUSED'), RELAYED, undefined],
  ['no error', 'text', RELAYED, undefined],
])('%s', (_what, error, addresses, why) => {
  expect(whyUnreached(error, addresses)).toBe(why)
})
