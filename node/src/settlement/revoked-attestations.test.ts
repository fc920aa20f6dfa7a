import {
  type AttestationRevocations,
  attestationRevocations,
  cidOf,
  HanseError,
  REVOKED_ATTESTATIONS_MAX,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import { attestor, NOW, stranger } from '@hanse/protocol/testing'
import { beforeEach, expect, test } from 'vitest'
import { RevokedAttestations } from './revoked-attestations.ts'

const context = { network: 'test' }
const nameOf = (n: number) => cidOf(new TextEncoder().encode(`attestation ${n}`))

let names: number
let away: boolean
let asked: bigint[]
let warnings: number
let forged: Partial<AttestationRevocations>
let signer: Signer

beforeEach(() => {
  names = 0
  away = false
  asked = []
  warnings = 0
  forged = {}
  signer = attestor
})

/** The n-th revocation has the number n; as settlement does, at most 190 in one list. */
function open(): RevokedAttestations {
  return new RevokedAttestations({
    context,
    log: { info: () => {}, warn: () => warnings++ },
    settlement: {
      identity: async () => attestor.peerId,
      revokedAttestationsSince: async (since) => {
        asked.push(since)
        if (away) throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', 'nobody answers')
        const from = Number(since)
        const count = Math.min(names - from, REVOKED_ATTESTATIONS_MAX)
        const revoked = Array.from({ length: count }, (_, i) => nameOf(from + i))
        const until = since + BigInt(count)
        const value = { issuer: attestor.peerId, since, until, at: NOW, revoked, ...forged }
        const list = signRecord(context, attestationRevocations, value, 'attestor', signer)
        return { list, more: count === REVOKED_ATTESTATIONS_MAX }
      },
    },
  })
}

const has = (revoked: RevokedAttestations, n: number) => revoked.has(nameOf(n).toString())

test('reads all lists, and then only what is new', async () => {
  const revoked = open()
  names = 200
  await revoked.poll()
  expect([0, 199, 200].map((n) => has(revoked, n))).toEqual([true, true, false])
  names = 201
  await revoked.poll()
  expect(has(revoked, 200)).toBe(true)
  expect(asked).toEqual([0n, 190n, 200n])
})

test('what it knows holds while settlement is away, which is told once', async () => {
  const revoked = open()
  names = 1
  await revoked.poll()
  away = true
  await revoked.poll()
  await revoked.poll()
  expect(has(revoked, 0)).toBe(true)
  expect(warnings).toBe(1)
})

test.each<[string, () => void]>([
  ['another signs', () => (signer = stranger)],
  ['another issued', () => (forged = { issuer: stranger.peerId })],
  ['begins later than asked for', () => (forged = { since: 1n, until: 2n })],
])('a list that %s is not believed', async (_, forge) => {
  const revoked = open()
  names = 1
  forge()
  await revoked.poll()
  expect(has(revoked, 0)).toBe(false)
  expect(warnings).toBe(1)
})
