import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore, type SettlementStore } from '../db/store.ts'
import { openStripePayments } from '../stripe/index.ts'
import { addTenant, NOW, testContext } from '../testing/market.ts'
import { claimStripe, type StripeSetting } from './claim-stripe.ts'

let store: SettlementStore
let account = 'acct_1'
let status = 200
let asked = 0
/** As much of Stripe as says whose key it is. */
const server = createServer((_request, response) => {
  asked++
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(status === 200 ? { id: account, object: 'account' } : { error: {} }))
})
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  store = await openStore({})
}, 60_000)
afterAll(async () => {
  await store.close()
  server.close()
})

const key = (secretKey: string): StripeSetting => ({
  stripe: { secretKey, webhookSecret: 'whsec' },
})
const claim = (setting: StripeSetting) =>
  claimStripe(store, setting, NOW, () =>
    openStripePayments({
      secretKey: 'sk_test_x',
      webhookSecret: '',
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      protocol: 'http',
      maxNetworkRetries: 0,
    }).platformAccount(),
  )
const refused = async (setting: StripeSetting, code = 'HANSE_CONFIG_INVALID') =>
  await expect(claim(setting)).rejects.toMatchObject({ code })

test('books belong to the Stripe of their first start, by account and by kind of key', async () => {
  status = 503
  await refused(key('sk_live_x'), 'HANSE_PAYMENTS_UNAVAILABLE')
  status = 401
  await refused(key('sk_live_x'))
  status = 200
  await claim(key('sk_live_x'))
  await claim(key('rk_live_y'))
  const before = asked
  await refused({})
  await refused({ stripeUrl: 'http://127.0.0.1:1' })
  await refused(key('sk_test_x'))
  expect(asked).toBe(before)
  account = 'acct_2'
  await refused(key('sk_live_z'))
  // Stripe does not answer: the kind of the key has to do.
  status = 503
  await claim(key('sk_live_x'))
  await refused(key('sk_test_x'))
  status = 200
})

test('empty books move when they are told to, and others never', async () => {
  await store.forgetStripe()
  await claim({})
  await claim({ stripeUrl: 'http://127.0.0.1:1', ...key('sk_test_x') })
  await refused(key('sk_live_x'))
  await addTenant(testContext(store), 100n)
  await expect(store.forgetStripe()).rejects.toMatchObject({ code: 'HANSE_CONFIG_INVALID' })
  await claim({})
})

test('a live key is never sent to another address, and a key of no kind nowhere', async () => {
  await refused({ stripeUrl: 'http://127.0.0.1:1', ...key('sk_live_x') })
  await refused({ stripeUrl: 'http://127.0.0.1:1', ...key('rk_live_x') })
  await refused(key('pk_live_x'))
})
