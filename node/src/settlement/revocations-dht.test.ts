import {
  type AttestationRevocations,
  attestationRevocations,
  cidOf,
  HanseError,
  REVOKED_ATTESTATIONS_MAX,
  revocationsKey,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import { attestor, NOW, stranger } from '@hanse/protocol/testing'
import { expect, test } from 'vitest'
import type { Network } from '../network/libp2p-node.ts'
import { encodeRevocationsValue } from '../network/revocation-records.ts'
import { storedValues } from '../network/stored-values.ts'
import { openTestNetwork } from '../network/test-network.ts'
import { RevocationsInDht } from './revocations-dht.ts'
import { RevokedAttestations } from './revoked-attestations.ts'

const context = { network: 'test' }
const log = { info: () => {}, warn: () => {} }
const nameOf = (n: number) => cidOf(new TextEncoder().encode(`attestation ${n}`))
const listOf = (changes: Partial<AttestationRevocations> = {}, by: Signer = attestor) => {
  const revoked = [nameOf(0)]
  const value = { issuer: by.peerId, since: 0n, until: 1n, at: NOW, revoked, ...changes }
  return signRecord(context, attestationRevocations, value, 'attestor', by)
}

/** A settlement that has revoked so many attestations, and that somebody can kill. */
class Attestor {
  revoked = 0
  isAlive = true

  identity = async () => {
    this.#assertAlive()
    return attestor.peerId
  }

  revokedAttestationsSince = async (since: bigint) => {
    this.#assertAlive()
    const count = Math.min(this.revoked - Number(since), REVOKED_ATTESTATIONS_MAX)
    const revoked = Array.from({ length: count }, (_, i) => nameOf(Number(since) + i))
    const until = since + BigInt(count)
    return { list: listOf({ since, until, revoked }), more: count === REVOKED_ATTESTATIONS_MAX }
  }

  #assertAlive(): void {
    if (!this.isAlive) throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', 'nobody answers')
  }
}

/** One that all know, and others; each keeps what its validator lets through. */
async function openNetworks(stack: AsyncDisposableStack, count: number): Promise<Network[]> {
  const open = async () => stack.use(await openTestNetwork(storedValues(context, () => NOW)))
  const first = await open()
  const others: Network[] = []
  for (let i = 1; i < count; i++) {
    const network = await open()
    network.keepConnected(first.addresses())
    await network.whenConnected(AbortSignal.timeout(20_000))
    others.push(network)
  }
  return [first, ...others]
}

test('a consumer that never reached settlement learns from the network what was revoked, once settlement is gone', async () => {
  await using stack = new AsyncDisposableStack()
  const [, gateway, consumer] = await openNetworks(stack, 4)
  if (gateway === undefined || consumer === undefined) throw new Error('no networks')
  const settlement = new Attestor()
  const watch = (network: Network, more: object = {}) =>
    stack.use(
      new RevokedAttestations({
        context,
        settlement,
        log,
        dht: new RevocationsInDht(network, context),
        ...more,
      }),
    )
  const other = watch(gateway)
  settlement.revoked = 2
  await expect
    .poll(
      async () => {
        await other.poll()
        return await consumer.getValue(revocationsKey(attestor.peerId), {
          signal: AbortSignal.timeout(10_000),
        })
      },
      { timeout: 60_000, interval: 500 },
    )
    .toBeDefined()

  settlement.isAlive = false
  const trusting = watch(consumer, { attestors: [attestor.peerId] })
  const strict = watch(consumer, { attestors: [stranger.peerId] })
  await trusting.poll()
  await strict.poll()
  const has = (one: RevokedAttestations) => [0, 1, 2].map((n) => one.has(nameOf(n).toString()))
  expect(has(trusting)).toEqual([true, true, false])
  // The word of an attestor counts for who trusts it.
  expect(has(strict)).toEqual([false, false, false])
}, 120_000)

test('nodes keep a list only under the name of who signed it, and no value that is none', async () => {
  await using stack = new AsyncDisposableStack()
  const [, , one] = await openNetworks(stack, 3)
  if (one === undefined) throw new Error('no networks')
  const within = { signal: AbortSignal.timeout(30_000) }
  const put = async (issuer: string, value: Uint8Array): Promise<boolean> =>
    await one.putValue(revocationsKey(issuer), value, within).then(
      (stored) => stored > 0,
      () => false,
    )
  const good = encodeRevocationsValue(listOf())
  await expect
    .poll(async () => await put(attestor.peerId, good), { timeout: 30_000, interval: 500 })
    .toBe(true)
  expect(await put(stranger.peerId, good)).toBe(false)
  expect(await put(attestor.peerId, new Uint8Array(100))).toBe(false)
  const forged = listOf({ issuer: attestor.peerId }, stranger)
  expect(await put(attestor.peerId, encodeRevocationsValue(forged))).toBe(false)
}, 120_000)

/** One value for each key, as the network would have it. */
class FakeDht implements Pick<Network, 'getValue' | 'putValue'> {
  readonly values = new Map<string, Uint8Array>()
  puts = 0
  isAway = false

  getValue = async (key: Uint8Array) => {
    if (this.isAway) throw new Error('nobody there')
    return await Promise.resolve(this.values.get(new TextDecoder().decode(key)))
  }

  putValue = async (key: Uint8Array, value: Uint8Array) => {
    if (this.isAway) throw new Error('nobody there')
    this.puts++
    this.values.set(new TextDecoder().decode(key), value)
    return await Promise.resolve(1)
  }
}

test('what is there already is not put again, and what was put is looked for after half an hour', async () => {
  const network = new FakeDht()
  const settlement = new Attestor()
  const dht = new RevocationsInDht(network, context)
  let now = NOW
  const options = { context, settlement, log, dht, now: () => now }
  await using first = new RevokedAttestations(options)
  await using second = new RevokedAttestations(options)
  await first.poll()
  expect(network.puts).toBe(0)
  settlement.revoked = 1
  for (const one of [first, second, first]) await one.poll()
  expect(network.puts).toBe(1)
  settlement.revoked = REVOKED_ATTESTATIONS_MAX + 5
  network.isAway = true
  await first.poll()
  network.isAway = false
  await first.poll()
  expect(network.puts).toBe(2)
  // The newest that there is room for.
  const found = await dht.find(attestor.peerId, AbortSignal.timeout(1_000))
  expect(found).toMatchObject({ since: 5n, until: BigInt(REVOKED_ATTESTATIONS_MAX + 5) })
  network.values.clear()
  await first.poll()
  expect(network.puts).toBe(2)
  now += 30 * 60_000
  await first.poll()
  expect(network.puts).toBe(3)
})

test('a list of the network adds to what settlement said, and takes nothing away', async () => {
  const network = new FakeDht()
  const settlement = new Attestor()
  const dht = new RevocationsInDht(network, context)
  await using revoked = new RevokedAttestations({ context, settlement, log, dht })
  settlement.revoked = 3
  await revoked.poll()
  settlement.isAlive = false
  const old = encodeRevocationsValue(listOf())
  network.values.set(new TextDecoder().decode(revocationsKey(attestor.peerId)), old)
  await revoked.poll()
  expect([0, 1, 2].map((n) => revoked.has(nameOf(n).toString()))).toEqual([true, true, true])
})
