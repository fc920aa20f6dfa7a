import type { Cheat } from './cheats.ts'
import type { Invariant } from './violation.ts'

/** A known bug, as a change of one place of a source file. */
export interface Mutation {
  readonly name: string
  /** From the root of the repository. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** The cheat that it takes to show, if any: seeds in which all cheats do it show it soon. */
  readonly focus?: Cheat
  /** Any of these must be what the simulation finds. */
  readonly violates: readonly Invariant[]
}

const PROVIDER = 'protocol/src/session/provider.ts'
const CONSUMER = 'protocol/src/session/consumer.ts'
const REVIEW = 'protocol/src/session/review.ts'
const POLICY = 'protocol/src/region/policy.ts'
const DECIDE = 'settlement/src/receipts/decide-booking.ts'
const PLAN = 'settlement/src/receipts/booking-plan.ts'
const VERIFY = 'settlement/src/receipts/verify-submission.ts'
const HERE = 'simulations/src/faults'

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'provider-ignores-window',
    file: PROVIDER,
    find: 'if (after > outputTokens && cost > limit) break',
    replace: '',
    violates: ['provider-window'],
  },
  {
    name: 'provider-window-grows-without-cap',
    file: 'protocol/src/session/credit-window.ts',
    find: 'return picoEuro(min(cap, window + window / 3n + 1n))',
    replace: 'return picoEuro(window + window / 3n + 1n)',
    violates: ['provider-window'],
  },
  {
    name: 'provider-leaves-input-out-of-window',
    file: PROVIDER,
    find: 'const inputTokens = state.acceptance.value.inputTokens\n  const items',
    replace: 'const inputTokens = 0n\n  const items',
    violates: ['provider-window'],
  },
  {
    name: 'provider-trusts-any-countersignature',
    focus: 'bad-countersignature',
    file: PROVIDER,
    find: '!isSignatureValid(context, receipt, outstanding.bytes, signature)',
    replace: 'false',
    violates: ['booking', 'quiescence'],
  },
  {
    name: 'provider-waits-for-ever',
    focus: 'withhold',
    file: PROVIDER,
    find: "return waiting ? end(state, 'consumer-unreachable') : { state, actions: [] }",
    replace: 'return { state, actions: [] }',
    violates: ['liveness'],
  },
  {
    name: 'consumer-takes-any-count',
    focus: 'overcount-output',
    file: CONSUMER,
    find: 'next.outputTokens > state.outputTokens || next.outputTokens > order.value.maxOutputTokens',
    replace: 'false',
    violates: ['consumer-pays'],
  },
  {
    name: 'consumer-takes-any-input',
    focus: 'overcount-input',
    file: CONSUMER,
    find: 'next.inputTokens > state.acceptance.value.inputTokens ||',
    replace: '',
    violates: ['consumer-pays'],
  },
  {
    name: 'consumer-takes-implausible-deltas',
    focus: 'inflated-deltas',
    file: CONSUMER,
    find: 'if (counted > outputTokensMax(shownBytes)) {',
    replace: 'if (false) {',
    violates: ['consumer-pays'],
  },
  {
    name: 'consumer-takes-any-amount',
    focus: 'wrong-amount',
    file: CONSUMER,
    find: 'if (next.amount !== priceTokens(order.value, next)) {',
    replace: 'if (false) {',
    violates: ['consumer-pays'],
  },
  {
    name: 'consumer-ignores-chain',
    focus: 'skip-sequence',
    file: CONSUMER,
    find: "if (!follows) return refuse('HANSE_RECEIPT_CHAIN', `receipt ${next.sequence} does not follow`)",
    replace: '',
    violates: ['consumer-chain'],
  },
  {
    name: 'consumer-lets-totals-fall',
    focus: 'falling-totals',
    file: CONSUMER,
    find: '(next.inputTokens < last.value.inputTokens || next.outputTokens < last.value.outputTokens)',
    replace: 'false',
    violates: ['consumer-chain'],
  },
  {
    name: 'consumer-ignores-window',
    focus: 'overrun-window',
    file: CONSUMER,
    find: 'if (next.amount - (last?.value.amount ?? 0n) > order.value.creditWindow) {',
    replace: 'if (false) {',
    violates: ['consumer-window'],
  },
  {
    name: 'consumer-ignores-transcript',
    focus: 'wrong-transcript',
    file: CONSUMER,
    find: 'if (!bytesEqual(next.transcript, commit(secret, { receipt: next.sequence }, state.transcript))) {',
    replace: 'if (false) {',
    violates: ['consumer-transcript'],
  },
  {
    name: 'consumer-takes-any-acceptance',
    focus: 'false-acceptance',
    file: CONSUMER,
    find: 'if (inputTokens > order.value.maxInputTokens) {',
    replace: 'if (false) {',
    violates: ['consumer-pays'],
  },
  {
    name: 'consumer-sends-before-it-saves',
    file: CONSUMER,
    find: "    { type: 'save-receipt', receipt: { ...issued, signatures: [theirs, ours] } },\n    { type: 'send', frame: { t: 'countersign', sequence, signature: ours.signature } },",
    replace:
      "    { type: 'send', frame: { t: 'countersign', sequence, signature: ours.signature } },\n    { type: 'save-receipt', receipt: { ...issued, signatures: [theirs, ours] } },",
    violates: ['durability'],
  },
  {
    name: 'driver-receipts-are-not-synced',
    file: `${HERE}/session-store.ts`,
    find: 'outbox.set(session, { sequence, attempts: 0, nextAt: 0, refused: undefined })\n    }, SYNC)',
    replace:
      'outbox.set(session, { sequence, attempts: 0, nextAt: 0, refused: undefined })\n    }, LAZY)',
    violates: ['durability', 'replay'],
  },
  {
    name: 'consumer-forgets-deadline',
    focus: 'vanish',
    file: CONSUMER,
    find: "        timer: 'deadline',\n        ms: order.value.deadlineMs + CONSUMER_LIMITS.deadlineGraceMs,",
    replace: "        timer: 'deadline',\n        ms: 10 ** 9,",
    violates: ['liveness'],
  },
  {
    name: 'match-ignores-region',
    file: POLICY,
    find: '    !policy.allow.some((allowed) => isInRegion(node.country, allowed))',
    replace: '    false',
    violates: ['residency'],
  },
  {
    name: 'match-ignores-contradiction',
    file: POLICY,
    find: 'if (contradiction !== undefined) {',
    replace: 'if (false) {',
    violates: ['residency'],
  },
  {
    name: 'match-trusts-any-attestor',
    file: POLICY,
    find: '      trustedAttestors.includes(attestation.issuer) &&\n',
    replace: '',
    violates: ['residency'],
  },
  {
    name: 'match-trusts-expired-attestations',
    file: POLICY,
    find: '      now < attestation.notAfter,',
    replace: '      true,',
    violates: ['residency'],
  },
  {
    name: 'match-trusts-attestations-of-others',
    file: POLICY,
    find: '      attestation.subject === subject &&\n',
    replace: '',
    violates: ['residency'],
  },
  {
    name: 'review-ignores-residency',
    focus: 'lax-policy',
    file: REVIEW,
    find: 'if (!allowed || evidenceLevel < minLevel) {',
    replace: 'if (false) {',
    violates: ['residency'],
  },
  {
    name: 'review-ignores-expired-orders',
    focus: 'stale-order',
    file: REVIEW,
    find: 'if (order.notAfter <= now - CLOCK_SKEW_MS || order.issuedAt > now + CLOCK_SKEW_MS) {',
    replace: 'if (false) {',
    violates: ['provider-terms'],
  },
  {
    name: 'review-ignores-prices',
    focus: 'low-price',
    file: REVIEW,
    find: 'if (!isAtQuote(order, facts.quote ?? model)) {',
    replace: 'if (false) {',
    violates: ['provider-terms'],
  },
  {
    name: 'review-trusts-any-issuer',
    focus: 'foreign-issuer',
    file: REVIEW,
    find: 'if (!facts.trustedIssuers.includes(issuer)) {',
    replace: 'if (false) {',
    violates: ['provider-commitment'],
  },
  {
    name: 'review-takes-authorizations-of-others',
    focus: 'foreign-authorization',
    file: REVIEW,
    find: '    consumer !== order.consumer ||\n',
    replace: '',
    violates: ['provider-commitment'],
  },
  {
    name: 'review-ignores-end-of-authorization',
    file: REVIEW,
    find: 'if (notAfter < facts.now + order.deadlineMs) {',
    replace: 'if (false) {',
    violates: ['provider-commitment'],
  },
  {
    name: 'review-ignores-what-is-spent',
    focus: 'double-spend',
    file: REVIEW,
    find: 'if (spent + cost > limit) {',
    replace: 'if (cost > limit) {',
    violates: ['provider-commitment'],
  },
  {
    name: 'driver-drops-reservations',
    focus: 'double-spend',
    file: `${HERE}/reservations.ts`,
    find: 'this.#reserved.set(authorization, this.under(authorization) + amount)',
    replace: '',
    violates: ['provider-commitment'],
  },
  {
    name: 'driver-runs-replays',
    focus: 'replay-order',
    file: `${HERE}/session-store.ts`,
    find: 'return this.#disk.state.sessions.has(session)',
    replace: 'return false',
    violates: ['replay'],
  },
  {
    name: 'outbox-gives-up',
    file: `${HERE}/outbox.ts`,
    find: 'if (result === undefined) this.#store.submissionFailed(session, now)',
    replace: 'if (result === undefined) this.#store.submissionDone(session, sequence)',
    violates: ['quiescence'],
  },
  {
    name: 'settlement-takes-equivocation',
    focus: 'equivocate',
    file: DECIDE,
    find: "  if (facts.seen !== undefined) {\n    return reject('HANSE_RECEIPT_EQUIVOCATION', `sequence ${claim.sequence} is ${facts.seen}`)\n  }\n",
    replace: '',
    violates: ['equivocation'],
  },
  {
    name: 'settlement-books-totals-again',
    file: DECIDE,
    find: 'const increase = claim.amount - (session?.amount ?? 0n)',
    replace: 'const increase = claim.amount',
    violates: ['booking', 'money', 'limit'],
  },
  {
    name: 'settlement-books-duplicates',
    file: DECIDE,
    find: "if (facts.seen === claim.receipt) return { status: 'duplicate' }",
    replace: '',
    violates: ['booking', 'equivocation'],
  },
  {
    name: 'settlement-ignores-limit',
    focus: 'beyond-hold',
    file: DECIDE,
    find: 'if (increase > authorization.remaining) {',
    replace: 'if (false) {',
    violates: ['money', 'limit'],
  },
  {
    name: 'settlement-forgets-what-a-batch-spent',
    focus: 'beyond-hold',
    file: PLAN,
    find: 'remaining: picoEuro(remaining - booking.increase),',
    replace: 'remaining,',
    violates: ['money', 'limit'],
  },
  {
    name: 'settlement-lets-totals-fall',
    focus: 'fall',
    file: DECIDE,
    find: '(claim.amount < session.amount ||\n      claim.inputTokens < session.inputTokens ||\n      claim.outputTokens < session.outputTokens)',
    replace: 'false',
    violates: ['booking', 'money'],
  },
  {
    name: 'settlement-books-older-receipts',
    focus: 'older-receipt',
    file: DECIDE,
    find: "if (session !== undefined && claim.sequence < session.sequence) return { status: 'superseded' }",
    replace: '',
    violates: ['booking'],
  },
  {
    name: 'settlement-rounds-each-fee',
    file: DECIDE,
    find: 'feeIncrease: picoEuro(feeOf(claim.amount, feeBps) - (session?.fee ?? 0n)),',
    replace: 'feeIncrease: feeOf(increase, feeBps),',
    violates: ['fee'],
  },
  {
    name: 'settlement-takes-foreign-authorizations',
    focus: 'foreign-authorization',
    file: DECIDE,
    find: '    authorization.consumer !== claim.consumer ||\n    authorization.provider !== claim.provider ||\n    authorization.organization !== organization\n',
    replace: '    false\n',
    violates: ['booking', 'quiescence', 'limit'],
  },
  {
    name: 'settlement-takes-one-signature',
    focus: 'uncountersigned',
    file: VERIFY,
    find: 'const received = openSigned(context, receipt, signed.receipt, signers)',
    replace:
      'const received = openSigned(context, receipt, { bytes: signed.receipt.bytes, signatures: signed.receipt.signatures.slice(0, 1) }, (value) => signers().slice(0, 1))',
    violates: ['booking', 'equivocation'],
  },
  {
    name: 'log-swaps-without-comparing',
    file: 'protocol/src/log/memory-log-store.ts',
    find: 'if (expected !== this.#checkpoint) return false',
    replace: '',
    violates: ['log'],
  },
  {
    name: 'log-writer-keeps-a-lost-head',
    file: 'protocol/src/log/writer.ts',
    find: 'if (await this.#store.commit({ expected: head.checkpoint, tiles, checkpoint })) {',
    replace: 'await this.#store.commit({ expected: head.checkpoint, tiles, checkpoint })\n      {',
    violates: ['log'],
  },
]
