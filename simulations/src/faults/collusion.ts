import {
  acceptance,
  cidOf,
  encodeCanonical,
  encodeLine,
  type LaneTerms,
  type Named,
  named,
  type Order,
  order,
  picoEuro,
  priceTokens,
  type Receipt,
  receipt,
  type SignedRecord,
  type StatementLine,
  signBytes,
  signRecord,
  statement,
  stateSessions,
} from '@hanse/protocol'
import { type Submission, writeStatements, writeSubmissions } from '@hanse/settlement/rules'
import { Host, type Random, TRUE_CLOCK } from '../kernel/index.ts'
import { CONTEXT, peer, signerNamed } from './cast.ts'
import type { Collusion } from './cheats.ts'
import { MODEL } from './provider-node.ts'
import type { SignedAuthorization } from './session-store.ts'
import type { World } from './world.ts'

/** A consumer and a provider that share one owner, and an organization that prepaid for them. */
export const PAIR = {
  consumer: 'mallory',
  provider: 'malvin',
  organization: 'org-mallory',
} as const
const LIMIT = picoEuro(10_000_000n)
const PRICE = picoEuro(1_003n)
const REQUEST_MS = 10_000

/** A session that never took place, as its two parties sign it. */
interface Fiction {
  readonly order: Named<Order> & SignedRecord
  readonly receipt: (sequence: number, tokens: bigint, changes?: Partial<Receipt>) => Submission
}

/** What a pair that holds both keys, and thieves who have seen others' records, send to settlement. */
export class Collusions {
  readonly #world: World
  readonly #host: Host
  readonly #random: Random
  readonly #consumer = signerNamed(PAIR.consumer)
  readonly #provider = signerNamed(PAIR.provider)
  #authorization: SignedAuthorization | undefined

  constructor(world: World) {
    this.#world = world
    this.#random = world.kernel.random.fork('collusion')
    this.#host = new Host(world.kernel, { name: 'pair', clock: TRUE_CLOCK, epoch: world.epoch })
    this.#host.start(() => {})
  }

  plan(): void {
    const { scenario, kernel } = this.#world
    for (const { at, kind } of scenario.collusions) {
      kernel.at(at, () => {
        const submissions = this.#make(kind)
        if (submissions.length === 0) return
        kernel.count(`settlement is cheated: ${kind}`)
        for (const submission of submissions) this.#send([submission])
        // And all of it again, in one batch and in another order.
        this.#send(submissions.toReversed())
      })
    }
  }

  #make(kind: Collusion): readonly Submission[] {
    this.#authorization = undefined
    const tokens = BigInt(this.#random.between(1, 500))
    switch (kind) {
      case 'beyond-hold': {
        const many = LIMIT / PRICE
        const fictions = [this.#invent(), this.#invent()]
        return [
          ...fictions.map(({ receipt: sign }) => sign(0, many - 20n)),
          ...fictions.map(({ receipt: sign }) => sign(1, 2n * many)),
        ]
      }
      case 'equivocate': {
        const { receipt: sign } = this.#invent()
        return [sign(1, tokens), sign(1, tokens + 7n), sign(2, tokens + 9n)]
      }
      case 'fall': {
        const { receipt: sign } = this.#invent()
        return [sign(1, tokens + 7n), sign(2, tokens), sign(3, tokens + 8n)]
      }
      case 'older-receipt': {
        const { receipt: sign } = this.#invent()
        return [sign(3, tokens + 9n), sign(1, tokens), sign(2, tokens + 5n)]
      }
      case 'wrong-amount': {
        const { receipt: sign } = this.#invent()
        return [sign(0, tokens, { amount: picoEuro(tokens * PRICE + 1n) })]
      }
      case 'too-many-tokens': {
        const { receipt: sign } = this.#invent({ maxOutputTokens: 3n })
        return [sign(0, tokens + 3n)]
      }
      case 'foreign-authorization': {
        if (this.#world.authorizations.length === 0) return []
        const { cid } = this.#random.pick(this.#world.authorizations)
        return [this.#invent({ authorization: cid }).receipt(0, tokens)]
      }
      case 'no-authorization':
        return [this.#invent({ authorization: null }).receipt(0, tokens)]
      case 'statement-twice':
      case 'statement-of-others':
      case 'statement-and-receipt':
        this.#state(kind, tokens)
        return []
      case 'after-release':
        this.#authorize(1_000)
        this.#sendLate(this.#invent().receipt(0, tokens))
        return []
      case 'replay':
      case 'bit-flip':
      case 'other-order':
      case 'one-signature':
      case 'uncountersigned':
        return this.#steal(kind)
    }
  }

  #steal(
    kind: 'replay' | 'bit-flip' | 'other-order' | 'one-signature' | 'uncountersigned',
  ): readonly Submission[] {
    const { seen } = this.#world
    if (seen.length === 0) return []
    const taken = this.#random.pick(seen)
    const { signatures, bytes } = taken.receipt
    switch (kind) {
      case 'replay':
        return [taken, taken]
      case 'bit-flip': {
        const flipped = Uint8Array.from(bytes)
        const at = this.#random.between(0, bytes.byteLength - 1)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << this.#random.between(0, 7))
        return [{ ...taken, receipt: { bytes: flipped, signatures } }]
      }
      case 'other-order': {
        const { order: other, acceptance: accepted } = this.#random.pick(seen)
        return [
          { ...taken, order: other },
          { ...taken, order: other, acceptance: accepted },
        ]
      }
      case 'uncountersigned': {
        // The provider's own next receipt, which the consumer never saw.
        const { scenario } = this.#world
        const { value } = named(receipt, bytes)
        const { provider } = taken.order.value
        const owner = scenario.providers.find(({ name }) => peer(name) === provider)
        if (owner === undefined) return []
        const more = { inputTokens: value.inputTokens, outputTokens: value.outputTokens + 1n }
        const amount = priceTokens(taken.order.value, more)
        const next = { ...value, ...more, amount, sequence: value.sequence + 1n }
        const previous = cidOf(bytes)
        const signed = signRecord(
          CONTEXT,
          receipt,
          { ...next, previous },
          'provider',
          signerNamed(owner.name),
        )
        const [ours] = signed.signatures
        const theirs = signatures.find(({ role }) => role === 'consumer')
        if (ours === undefined || theirs === undefined) return []
        return [
          { ...taken, receipt: signed },
          { ...taken, receipt: { bytes: signed.bytes, signatures: [ours, theirs] } },
        ]
      }
      case 'one-signature': {
        const [first] = signatures
        if (first === undefined) return []
        return [
          { ...taken, receipt: { bytes, signatures: [first] } },
          { ...taken, receipt: { bytes, signatures: [first, { ...first, role: 'consumer' }] } },
        ]
      }
    }
  }

  /** The pair's own authorization, made when it is first needed, as settlement makes it for anybody. */
  #authorize(lifetimeMs = 3_600_000): SignedAuthorization | undefined {
    const { settlement } = this.#world
    const server = settlement.host()
    server.enter(() => {
      const reply = settlement.authorize(server, {
        organization: PAIR.organization,
        consumer: this.#consumer.peerId,
        provider: this.#provider.peerId,
        amount: LIMIT,
        lifetimeMs,
      })
      if ('signed' in reply) this.#authorization = reply.signed
    })
    return this.#authorization
  }

  #invent(changes: Partial<Order> = {}): Fiction {
    const at = this.#host.now()
    const authorization = this.#authorization ?? this.#authorize()
    const ordered = signRecord(
      CONTEXT,
      order,
      {
        consumer: this.#consumer.peerId,
        provider: this.#provider.peerId,
        offer: cidOf(encodeCanonical('offer')),
        model: MODEL,
        maxInputTokens: 100n,
        maxOutputTokens: 1n << 40n,
        inputPrice: PRICE,
        outputPrice: PRICE,
        authorization: authorization?.cid ?? null,
        residency: { allow: [], minLevel: 0 },
        promptCommitment: new Uint8Array(32),
        receiptEvery: 32n,
        creditWindow: LIMIT,
        deadlineMs: 60_000,
        issuedAt: at,
        notAfter: at + 60_000,
        nonce: this.#random.bytes(16),
        quote: null,
        continues: null,
        ...changes,
      },
      'consumer',
      this.#consumer,
    )
    const { consumer, provider } = ordered.value
    const accepted = signRecord(
      CONTEXT,
      acceptance,
      {
        order: ordered.cid,
        consumer,
        provider,
        inputTokens: 0n,
        at,
        notAfter: at + 120_000,
        determinism: null,
      },
      'provider',
      this.#provider,
    )
    const sign: Fiction['receipt'] = (sequence, outputTokens, spoilt = {}) => {
      const tokens = { inputTokens: 0n, outputTokens }
      const value: Receipt = {
        acceptance: accepted.cid,
        sequence: BigInt(sequence),
        previous: sequence === 0 ? null : accepted.cid,
        ...tokens,
        cachedInputTokens: 0n,
        amount: priceTokens(ordered.value, tokens),
        transcript: new Uint8Array(32),
        at,
        final: null,
        ...spoilt,
      }
      const { bytes, signatures } = signRecord(CONTEXT, receipt, value, 'provider', this.#provider)
      const ours = signBytes(CONTEXT, receipt, bytes, 'consumer', this.#consumer)
      return {
        order: ordered,
        acceptance: accepted,
        authorization: null,
        attestation: null,
        receipt: { bytes, signatures: [...signatures, ours] },
      }
    }
    return { order: ordered, receipt: sign }
  }

  /** Statements of the pair: two of one number, over somebody else's orders, or beside a receipt of the same session. */
  #state(
    kind: 'statement-twice' | 'statement-of-others' | 'statement-and-receipt',
    tokens: bigint,
  ): void {
    const fiction = this.#invent()
    const authorization = this.#authorization?.cid
    if (authorization === undefined) return
    const submission = fiction.receipt(0, tokens)
    const final = named(receipt, fiction.receipt(2, tokens + 5n).receipt.bytes)
    const stolen = this.#world.seen.at(-1)?.order.cid
    const line: StatementLine = {
      ...final.value,
      order: kind === 'statement-of-others' && stolen !== undefined ? stolen : fiction.order.cid,
      receipt: final.cid,
      model: MODEL,
      acceptedAt: this.#host.now(),
      final: 'completed',
    }
    const cheaper = { ...line, outputTokens: 1n, amount: PRICE }
    const terms: LaneTerms = {
      consumer: this.#consumer.peerId,
      provider: this.#provider.peerId,
      authorization,
      residency: { allow: [], minLevel: 0 },
      lane: this.#random.between(0, 2),
    }
    const statements = [line, ...(kind === 'statement-twice' ? [cheaper] : [])].map((one) => {
      const value = stateSessions(terms, undefined, [one])
      const { bytes, signatures } = signRecord(
        CONTEXT,
        statement,
        value,
        'provider',
        this.#provider,
      )
      const ours = signBytes(CONTEXT, statement, bytes, 'consumer', this.#consumer)
      const signed = { bytes, signatures: [...signatures, ours] }
      return { statement: signed, lines: [encodeLine(one)] }
    })
    this.#world.kernel.count(`settlement is cheated: ${kind}`)
    if (kind === 'statement-and-receipt') this.#send([submission, fiction.receipt(1, tokens + 1n)])
    const { network, settlement } = this.#world
    for (const body of [writeStatements(statements), writeStatements(statements.toReversed())]) {
      const server = settlement.host()
      network.call(
        this.#host,
        server,
        () => settlement.statements(server, body),
        REQUEST_MS,
        () => {},
      )
    }
  }

  /** When the hold has been given back, where it is in this world. */
  #sendLate(submission: Submission): void {
    const { holdGraceMs } = this.#world.scenario
    this.#host.after(holdGraceMs + 15_000, () => {
      this.#world.kernel.count('settlement is cheated: after-release')
      this.#send([submission])
    })
  }

  #send(submissions: readonly Submission[]): void {
    const { network, settlement } = this.#world
    const server = settlement.host()
    const body = writeSubmissions(submissions)
    network.call(
      this.#host,
      server,
      () => settlement.receipts(server, body),
      REQUEST_MS,
      () => {},
    )
  }
}
