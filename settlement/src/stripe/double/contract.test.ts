import assert from 'node:assert/strict'
import Stripe from 'stripe'
import { test } from 'vitest'
import type { SeenRequest } from './answerer.ts'
import { contractFaults, readContract } from './check-contract.ts'
import { operations } from './operations.ts'

test('the contract is of the version that the library speaks', async () => {
  assert.equal((await readContract()).version, Stripe.API_VERSION)
})

test('the double answers exactly the operations of the contract, at their addresses', async () => {
  const contract = await readContract()
  const promised = contract.operations.map(({ name, method, path }) => [name, method, path])
  const answered = operations.map(({ name, method, path }) => [name, method, path])
  const addresses = (rows: string[][]) =>
    rows.map(
      ([name, method, path]) => `${name} ${method} ${path?.replaceAll(/:\w+|\{\w+\}/g, '{}')}`,
    )
  assert.deepEqual(addresses(answered).toSorted(), addresses(promised).toSorted())
})

test('the check finds an unknown parameter, a wrong type and an answer with a field missing', async () => {
  const seen: SeenRequest = {
    operation: 'Transfers.create',
    method: 'POST',
    path: '/v1/transfers',
    params: { amount: '1', currency: 'eur', destination: 'acct_1' },
    account: 'acct_1',
    idempotencyKey: undefined,
    status: 200,
    body: '{"id":"tr_1","object":"transfer"}',
    replayed: false,
  }
  const faults = await contractFaults([
    seen,
    { ...seen, params: { ...(seen.params as object), colour: 'red' } },
    { ...seen, params: { amount: 'much', currency: 'eur', destination: 'acct_1' } },
  ])
  assert.equal(faults.length, 5)
  assert.match(faults.join('\n'), /additional properties/)
  assert.match(faults.join('\n'), /must be integer/)
  assert.match(faults.join('\n'), /required property/)
})
