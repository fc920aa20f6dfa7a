import assert from 'node:assert/strict'
import { cidOf, type RegionAttestation, type SignedRecord, type Signer } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { attestationBy, forgedBy, newSigner } from '../support/residency/attest.ts'
import { type Discovery, EuConsumer } from '../support/residency/eu-consumer.ts'
import { TappedPeer } from '../support/residency/tapped-peer.ts'

const HOUR_MS = 3_600_000
const attestor = newSigner()

const attestation = (subject: Signer, changes: Partial<RegionAttestation> = {}) =>
  attestationBy(attestor, subject, changes)
const forged = (subject: Signer) => forgedBy(attestor, subject)

interface Attack {
  readonly name: string
  readonly attest: (subject: Signer) => readonly SignedRecord[]
  readonly country?: string
  readonly reason: string
  readonly revoked?: true
}

const ATTACKS: readonly Attack[] = [
  { name: 'no attestation', attest: () => [], reason: 'none' },
  { name: 'a forged attestation', attest: (subject) => [forged(subject)], reason: 'forged' },
  {
    name: 'a forged attestation beside a weak one that is real',
    attest: (subject) => {
      const weak = { evidence: [{ kind: 'declared' as const }], level: 1 }
      return [attestation(subject, weak), forged(subject)]
    },
    reason: 'forged',
  },
  {
    name: 'an attestation that has expired',
    attest: (subject) => [attestation(subject, { notAfter: Date.now() - 1 })],
    reason: 'expired',
  },
  {
    name: 'an attestation that is dated in the future, by whoever’s clock is wrong',
    attest: (subject) => [attestation(subject, { notBefore: Date.now() + HOUR_MS / 2 })],
    reason: 'not-yet-valid',
  },
  {
    name: 'an attestation that was revoked',
    attest: (subject) => [attestation(subject)],
    revoked: true,
    reason: 'revoked',
  },
  {
    name: 'the attestation of another node',
    attest: () => [attestation(newSigner())],
    reason: 'another-subject',
  },
  {
    name: 'an attestation by itself',
    attest: (subject) => [attestationBy(subject, subject)],
    reason: 'not-trusted',
  },
  {
    name: 'an attestation by somebody whom nobody trusts',
    attest: (subject) => [attestationBy(newSigner(), subject)],
    reason: 'not-trusted',
  },
  {
    name: 'an attestation that rests on an address',
    attest: (subject) => [
      attestation(subject, {
        evidence: [{ kind: 'geoip', dataset: 'x', country: 'DE' }],
        level: 2,
      }),
    ],
    reason: 'too-weak',
  },
  {
    name: 'an attestation of another country than its offer’s',
    attest: (subject) => [
      attestation(subject, {
        country: 'US',
        evidence: [{ kind: 'payout-account', account: 'acct_1', country: 'US' }],
      }),
    ],
    reason: 'attested-elsewhere',
  },
  {
    name: 'a country outside',
    country: 'US',
    attest: (subject) => [
      attestation(subject, {
        country: 'US',
        evidence: [{ kind: 'payout-account', account: 'acct_1', country: 'US' }],
      }),
    ],
    reason: 'outside',
  },
]

async function attack({ attest, country, revoked }: Attack, discovery: Discovery) {
  await using stack = new AsyncDisposableStack()
  const peer = stack.use(
    await TappedPeer.open({ attest, ...(country !== undefined && { country }) }),
  )
  const names = peer.attestations.map(({ bytes }) => cidOf(bytes).toString())
  const consumer = stack.use(
    await EuConsumer.open({
      peers: [peer],
      trustedAttestors: [attestor.peerId],
      discovery,
      ...(revoked && { isRevoked: (cid: string) => names.includes(cid) }),
    }),
  )
  const code = await consumer.ask()
  const refusals = await consumer.refusals()
  return {
    code,
    marker: consumer.marker,
    heard: peer.plaintext(),
    wire: peer.tap.bytes(),
    connections: peer.tap.connections,
    sessions: peer.sessions,
    refusals: refusals.map((refusal) => ({
      place: refusal.place,
      reason: refusal.reason,
      country: refusal.country,
      minLevel: refusal.policy.minLevel,
      isPeer: consumer.about(refusal) === peer.peerId,
    })),
    country: peer.signed.value.country,
  }
}

describe('a provider that shows', () => {
  test.each(ATTACKS)('$name is left out, and the log says why', async (each) => {
    const found = await attack(each, 'honest')
    assert.equal(found.code, 'HANSE_NO_PROVIDER')
    assert.deepEqual(found.refusals, [
      {
        place: 'discovery',
        reason: each.reason,
        country: found.country,
        minLevel: 3,
        isPeer: true,
      },
    ])
    // It was asked for its offer, and nothing else.
    assert.ok(found.connections > 0 && found.wire.length > 0)
    assert.equal(found.sessions, 0)
    for (const bytes of [found.heard, found.wire]) assert.ok(!bytes.includes(found.marker))
  })

  test.each(ATTACKS)(
    '$name gets nothing either where a directory lies for it: the last look before the prompt refuses alone',
    async (each) => {
      const found = await attack(each, 'bypassed')
      assert.equal(found.code, 'HANSE_RESIDENCY_UNPROVEN')
      assert.deepEqual(
        found.refusals.map(({ place, reason, isPeer }) => ({ place, reason, isPeer })),
        [{ place: 'before-prompt', reason: each.reason, isPeer: true }],
      )
      assert.ok(found.connections > 0 && found.wire.length > 0)
      for (const bytes of [found.heard, found.wire]) assert.ok(!bytes.includes(found.marker))
    },
  )

  test('what the policy asks for gets the prompt, which shows that the ears hear: it reads it, and the wire does not', async () => {
    const honest = { name: '', reason: '', attest: (subject: Signer) => [attestation(subject)] }
    for (const discovery of ['honest', 'bypassed'] as const) {
      const found = await attack(honest, discovery)
      assert.equal(found.sessions, 1)
      assert.deepEqual(found.refusals, [])
      assert.ok(found.heard.includes(found.marker))
      assert.ok(found.wire.length > found.heard.length)
      assert.ok(!found.wire.includes(found.marker))
    }
  })
})

test('kinds of evidence that the policy names have to be there, each of them, whatever the level', async () => {
  await using stack = new AsyncDisposableStack()
  const peer = stack.use(await TappedPeer.open({ attest: (subject) => [attestation(subject)] }))
  const open = async (evidence: ['payout-account'] | ['payout-account', 'operator']) =>
    stack.use(
      await EuConsumer.open({
        peers: [peer],
        trustedAttestors: [attestor.peerId],
        policy: { evidence },
      }),
    )
  const more = await open(['payout-account', 'operator'])
  assert.equal(await more.ask(), 'HANSE_NO_PROVIDER')
  const [refusal] = await more.refusals()
  assert.equal(refusal?.reason, 'evidence-kind')
  assert.deepEqual(refusal?.policy.evidence, ['payout-account', 'operator'])
  const enough = await open(['payout-account'])
  await enough.ask()
  assert.deepEqual(await enough.refusals(), [])
  assert.ok(peer.plaintext().includes(enough.marker))
  assert.ok(!peer.plaintext().includes(more.marker))
})

test('of two providers the one that is attested gets the prompt, and the other not a byte of it', async () => {
  await using stack = new AsyncDisposableStack()
  const good = stack.use(await TappedPeer.open({ attest: (subject) => [attestation(subject)] }))
  const bad = stack.use(await TappedPeer.open({ attest: (subject) => [forged(subject)] }))
  for (const discovery of ['honest', 'bypassed'] as const) {
    const consumer = stack.use(
      await EuConsumer.open({
        peers: [bad, good],
        trustedAttestors: [attestor.peerId],
        discovery,
      }),
    )
    await consumer.ask()
    assert.ok(good.plaintext().includes(consumer.marker))
    for (const bytes of [bad.plaintext(), bad.tap.bytes()])
      assert.ok(!bytes.includes(consumer.marker))
  }
})

test.each([
  ['slow', -2 * HOUR_MS, 'not-yet-valid'],
  ['fast', 2 * HOUR_MS, 'expired'],
] as const)(
  'a consumer whose clock is %s by hours trusts nothing rather than everything',
  async (_, skewMs, reason) => {
    await using stack = new AsyncDisposableStack()
    const now = () => Date.now() + skewMs
    const peer = stack.use(
      await TappedPeer.open({ attest: (subject) => [attestation(subject)], now }),
    )
    for (const discovery of ['honest', 'bypassed'] as const) {
      const consumer = stack.use(
        await EuConsumer.open({
          peers: [peer],
          trustedAttestors: [attestor.peerId],
          discovery,
          now,
        }),
      )
      await consumer.ask()
      assert.deepEqual(
        (await consumer.refusals()).map((refusal) => refusal.reason),
        [reason],
      )
      assert.ok(!peer.plaintext().includes(consumer.marker))
      assert.equal(peer.plaintext().byteLength, 0)
    }
  },
)
