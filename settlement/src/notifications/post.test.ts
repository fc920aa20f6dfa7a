import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo, LookupFunction } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { reachOf } from '../outbound/address-rules.ts'
import { checkedUrl, type Outpost, post } from './post.ts'
import { TEST_CERTIFICATE, TEST_KEY } from './testing/certificate.ts'
import { openReceiver, type Receiver } from './testing/receiver.ts'

const HOME: Outpost = { privateNetworks: true }
const WORLD: Outpost = { privateNetworks: false }

let receiver: Receiver
beforeAll(async () => {
  receiver = await openReceiver()
})
afterAll(() => receiver[Symbol.asyncDispose]())

/** A resolver that says what the test wants, one answer after the other. */
const says = (...answers: string[][]): NonNullable<Outpost['lookup']> => {
  const lookup: LookupFunction = (_host, _options, done) => {
    const addresses = answers.length > 1 ? answers.shift() : answers[0]
    done(
      null,
      (addresses ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  return lookup as NonNullable<Outpost['lookup']>
}

test.each([
  ['127.0.0.1', 'loopback'],
  ['127.255.0.9', 'loopback'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['10.1.2.3', 'private'],
  ['172.16.0.1', 'private'],
  ['172.32.0.1', 'public'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['100.100.100.200', 'forbidden'],
  ['fd12::1', 'private'],
  ['fd00:ec2::254', 'forbidden'],
  ['169.254.169.254', 'forbidden'],
  ['::ffff:169.254.169.254', 'forbidden'],
  ['fe80::1', 'forbidden'],
  ['fe80::1%eth0', 'forbidden'],
  ['64:ff9b::a9fe:a9fe', 'forbidden'],
  ['2002:7f00:1::', 'forbidden'],
  ['0.0.0.0', 'forbidden'],
  ['::', 'forbidden'],
  ['::127.0.0.1', 'forbidden'],
  ['224.0.0.1', 'forbidden'],
  ['255.255.255.255', 'forbidden'],
  ['ff02::1', 'forbidden'],
  ['8.8.8.8', 'public'],
  ['2a00:1450:4001:80b::200e', 'public'],
  ['not an address', 'forbidden'],
])('%s is %s', (address, reach) => {
  expect(reachOf(address)).toBe(reach)
})

test.each([
  ['http://example.org/', 'the address is not https'],
  ['ftp://example.org/', 'the address is not https'],
  ['file:///etc/passwd', 'the address is not https'],
  ['http://127.0.0.1:1/', 'the address is loopback'],
  ['https://127.0.0.1/', 'the address is loopback'],
  ['https://2130706433/', 'the address is loopback'],
  ['https://0x7f.1/', 'the address is loopback'],
  ['https://[::ffff:169.254.169.254]/', 'the address is forbidden'],
  ['https://10.0.0.1/', 'the address is private'],
  ['https://user:secret@example.org/', 'the address has a user in it'],
  ['no url', 'the address is no URL'],
  [`https://example.org/${'a'.repeat(2_048)}`, 'the address is no URL'],
])('nothing is sent to %s', (address, message) => {
  expect(() => checkedUrl(address, WORLD)).toThrow(message)
})

test('metadata services stay out of reach also where private networks are allowed', () => {
  expect(() => checkedUrl('https://169.254.169.254/latest', HOME)).toThrow('forbidden')
  expect(() => checkedUrl('http://10.0.0.1/', HOME)).toThrow('not https')
  expect(checkedUrl('http://localhost:1/', HOME).hostname).toBe('localhost')
})

test('a name that leads inside is refused after it was resolved, whatever else it leads to', async () => {
  for (const addresses of [['127.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['::ffff:169.254.169.254']]) {
    const outpost = { ...WORLD, lookup: says(addresses) }
    await expect(post('https://rebind.test/', {}, '{}', outpost)).rejects.toMatchObject({
      name: 'PostError',
      isFinal: true,
    })
  }
})

test('the connection goes to the address that was looked at, not to a second answer', async () => {
  const server = createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (request, response) =>
    response.end(request.headers.host),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const lookup = says(['127.0.0.1'], ['169.254.169.254'])
    const outpost = { ...HOME, lookup, ca: TEST_CERTIFICATE }
    const url = `https://hooks.test:${port}/`
    expect(await post(url, {}, '{}', outpost)).toMatchObject({
      status: 200,
      body: `hooks.test:${port}`,
    })
    const unknown = { ...HOME, lookup: says(['127.0.0.1']) }
    await expect(post(url, {}, '{}', unknown)).rejects.toThrow('no connection')
    const other = { ...outpost, lookup: says(['127.0.0.1']) }
    await expect(post(`https://other.test:${port}/`, {}, '{}', other)).rejects.toThrow(
      'no connection: ERR_TLS_CERT_ALTNAME_INVALID',
    )
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a redirect is an answer, and is not followed', async () => {
  const before = receiver.received.length
  receiver.answer = (response) => response.writeHead(307, { location: receiver.url }).end()
  expect(await post(receiver.url, {}, '{}', HOME)).toMatchObject({ status: 307 })
  expect(receiver.received).toHaveLength(before + 1)
})

test('of an endless answer only the beginning is read', async () => {
  receiver.answer = (response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  }
  const { status, body } = await post(receiver.url, {}, '{}', HOME)
  expect(status).toBe(200)
  expect(body.length).toBeLessThanOrEqual(4 * 1024)
})

test('who never answers, never ends its answer, or hangs up is given up on', async () => {
  const patience = { ...HOME, timeoutMs: 300 }
  receiver.answer = () => {}
  await expect(post(receiver.url, {}, '{}', patience)).rejects.toThrow('no answer in time')
  receiver.answer = (response) => response.write('a')
  await expect(post(receiver.url, {}, '{}', patience)).rejects.toThrow('no answer in time')
  receiver.answer = (response) => response.destroy()
  await expect(post(receiver.url, {}, '{}', HOME)).rejects.toThrow('no connection: ECONNRESET')
  receiver.answer = (response) => response.writeHead(200, { big: 'x'.repeat(20_000) }).end()
  await expect(post(receiver.url, {}, '{}', HOME)).rejects.toThrow('no connection')
})

test('how long a receiver wants to be left alone is heard', async () => {
  receiver.answer = (response) => response.writeHead(429, { 'retry-after': '120' }).end()
  expect(await post(receiver.url, {}, '{}', HOME)).toMatchObject({
    status: 429,
    retryAfterMs: 120_000,
  })
})
