import { createServer } from 'node:http'
import Stripe from 'stripe'
import { expect, test } from 'vitest'
import { observedClient, resourceOf, type StripeCall } from './observed-client.ts'

test('each request is told of: what was answered, what was refused, and what got no answer', async () => {
  const calls: StripeCall[] = []
  const fates = [200, 402]
  const server = createServer((request, response) => {
    const status = fates.shift() ?? 0
    request.resume()
    if (status === 0) return void request.socket.destroy()
    const error = { error: { type: 'card_error', message: 'no' } }
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(status === 200 ? { id: 'tr_1', object: 'transfer' } : error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const stripe = new Stripe('sk_test_observed', {
    host: '127.0.0.1',
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
    httpClient: observedClient((call) => calls.push(call)),
  })
  try {
    await stripe.transfers.retrieve('tr_1')
    await expect(stripe.transfers.retrieve('tr_2')).rejects.toThrow('no')
    await expect(stripe.transfers.retrieve('tr_3')).rejects.toThrow()
    // The library tries once more by itself where a connection was cut: that is a request, too.
    const statuses = calls.map(({ status }) => status)
    expect(statuses.slice(0, 3)).toEqual([200, 402, 0])
    expect(new Set(statuses.slice(2))).toEqual(new Set([0]))
    expect(new Set(calls.map(({ resource }) => resource))).toEqual(new Set(['transfers']))
    expect(calls.every(({ ms }) => ms >= 0)).toBe(true)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

test('what a request is about never has an id in it', () => {
  expect(resourceOf('/v1/transfers/tr_1/reversals?limit=1')).toBe('transfers')
  expect(resourceOf('/v2/core/accounts/acct_1')).toBe('core/accounts')
  expect(resourceOf('/')).toBe('none')
})
