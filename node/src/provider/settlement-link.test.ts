import assert from 'node:assert/strict'
import { pino } from 'pino'
import { test, vi } from 'vitest'
import type { ProviderAccount } from '../settlement/settlement-client.ts'
import { SettlementLink } from './settlement-link.ts'

const account = (feeBps: number): ProviderAccount => ({
  payable: true,
  onboardingUrl: undefined,
  attestation: undefined,
  feeBps,
})

test('the fee is what settlement told last; nothing until it was reached', async () => {
  const answers = [account(2_500), account(2_500), account(1_000)]
  const told: number[] = []
  const answer = async () => answers.shift() ?? account(1_000)
  await using link = new SettlementLink({
    url: 'http://settlement.test',
    settlement: {
      identity: async () => '12D3KooW' as never,
      bindProvider: answer,
      providerAccount: answer,
    },
    store: { outbox: () => [] },
    country: 'DE',
    log: pino({ level: 'silent' }),
    now: Date.now,
    onAttested: () => assert.fail('nothing was attested'),
    onFee: () => told.push(link.feeBps),
  })
  assert.equal(link.feeBps, 0)
  link.start()
  // It asks every two seconds while nothing is attested.
  await vi.waitFor(() => assert.deepEqual(told, [2_500, 1_000]), { timeout: 20_000 })
  assert.equal(link.feeBps, 1_000)
}, 30_000)
