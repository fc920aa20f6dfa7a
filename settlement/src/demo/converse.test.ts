import {
  ANYWHERE,
  cidOf,
  encodeCanonical,
  picoEuro,
  signRecord,
  spendAuthorization,
} from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import { verifySubmission } from '../receipts/verify-submission.ts'
import { newSigner } from '../testing/deals.ts'
import { converse, type Engine } from './converse.ts'

const network = 'demo'
const AT = 1_794_312_000_000
const REMAINING = picoEuro(10n ** 12n)
const INPUT_TOKENS = 4_000n
const [consumer, provider, settlement] = [newSigner(), newSigner(), newSigner()]
const authorization = signRecord(
  { network },
  spendAuthorization,
  {
    issuer: settlement.peerId,
    consumer: consumer.peerId,
    provider: provider.peerId,
    organization: 'org_demo',
    limit: REMAINING,
    issuedAt: AT - 1,
    notAfter: AT + 3_600_000,
    serial: 1n,
  },
  'settlement',
  settlement,
)

const ENGINE: Engine = { outputTokens: 3_000, firstMs: 400, msPerToken: 10, ending: 'completed' }
const talk = (changes: Partial<Engine> = {}) =>
  converse({
    network,
    consumer,
    provider,
    authorization,
    remaining: REMAINING,
    order: {
      offer: cidOf(encodeCanonical('offer')),
      model: 'hanse/test:q4',
      maxInputTokens: INPUT_TOKENS,
      maxOutputTokens: 16_384n,
      inputPrice: picoEuro(200_000n),
      outputPrice: picoEuro(600_000n),
      residency: ANYWHERE,
      receiptEvery: 1_024n,
      creditWindow: REMAINING,
      deadlineMs: 900_000,
      issuedAt: AT,
      notAfter: AT + 60_000,
      nonce: new Uint8Array(16),
      quote: null,
      continues: null,
    },
    inputTokens: INPUT_TOKENS,
    engine: { ...ENGINE, ...changes },
  })

/** As settlement reads it: both signatures, all links, the price. */
const claimOf = ({ submission }: ReturnType<typeof talk>) =>
  verifySubmission(submission, {
    network,
    settlement: settlement.peerId,
    trustedAttestors: [],
    now: AT + 900_000,
    receiptGraceMs: 0,
  })

test('a whole session leaves the last of a chain of receipts, which settlement takes', () => {
  const talked = talk()
  const claim = claimOf(talked)
  expect(claim).toMatchObject({
    session: talked.session,
    final: 'completed',
    inputTokens: INPUT_TOKENS,
    outputTokens: 3_000n,
    amount: INPUT_TOKENS * 200_000n + 3_000n * 600_000n,
  })
  expect(claim.sequence).toBeGreaterThan(1n)
  expect(talked.submission.receipt.signatures).toHaveLength(2)
})

test('the consumer waits for the first token, and until the end, as long as the engine takes', () => {
  const { firstMs, totalMs } = talk()
  expect(firstMs).toBeGreaterThanOrEqual(400)
  expect(firstMs).toBeLessThan(500)
  expect(totalMs - firstMs).toBe(30_000)
})

describe.each(['length', 'engine-failed', 'cancelled'] as const)(
  'an answer that ends %s',
  (ending) => {
    test('says so in its last receipt, and costs what was delivered', () => {
      const talked = talk({ ending, outputTokens: 300 })
      expect(talked.reason).toBe(ending)
      const amount = INPUT_TOKENS * 200_000n + 300n * 600_000n
      expect(claimOf(talked)).toMatchObject({ final: ending, outputTokens: 300n, amount })
    })
  },
)

test('of no two sessions are the records the same', () => {
  expect(talk().session).not.toBe(talk().session)
})
