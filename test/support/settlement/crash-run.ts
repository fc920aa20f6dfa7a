import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { SignedRecord, Signer } from '@hanse/protocol'
import { writeStatements, writeSubmissions } from '@hanse/settlement'
import { type Deal, lineOf, makeDeal, makeStatement } from '@hanse/settlement/testing'
import { type Random, randomFrom } from '../../soak/random.ts'
import { Cluster, type ClusterOptions, NETWORK, OPERATOR } from './cluster.ts'
import {
  ask,
  authorization,
  balanceOf,
  HttpFailure,
  newProvider,
  newTenant,
  type Tenant,
  topUp,
} from './customers.ts'

export interface CrashRun extends ClusterOptions {
  readonly kills: number
  /** Of the moments and the load: the same one makes the same sequence of both. */
  readonly seed: number
}

export interface CrashReport {
  readonly kills: number
  /** Requests that were answered, and those that had to be sent again. */
  readonly answered: number
  readonly repeated: number
  readonly sessions: number
  readonly topUps: number
  readonly payouts: number
}

const EURO = 10n ** 12n
const CENT = EURO / 100n
/** Enough for all sessions of a run. */
const TOP_UP_CENTS = 1_000_000
const PROVIDERS = 2
/** A kill comes so soon after the service is ready again, at most: several requests are then under way. */
const LIFE_MS_MAX = 600
const AGAIN_MS = 100
const PATIENCE_MS = 30_000
/** A service that does not come back is a failure of its own. */
const GIVE_UP_MS = 120_000

/**
 * Kills processes of the service at random moments while nodes submit receipts and statements, organizations top up, and
 * the operator pays. Everybody sends a request again, unchanged, until it is acknowledged, as the real ones do. At the end
 * everything that was acknowledged is there, and nothing twice.
 */
export async function crashRun(options: CrashRun): Promise<CrashReport> {
  await using cluster = await Cluster.start(options)
  const load = await Load.start(cluster.balancer.url, options.seed)
  const random = randomFrom(options.seed)
  const working = load.run()
  // Told below, when the kills are done.
  working.catch(() => undefined)
  for (let kill = 0; kill < options.kills; kill++) {
    await setTimeout(random() * LIFE_MS_MAX)
    // On a slow machine no life is long enough for some request: once it has waited so long, one is.
    while (load.longestWaitMs > PATIENCE_MS) await setTimeout(AGAIN_MS)
    const i = Math.floor(random() * options.processes)
    await cluster.kill(i)
    await cluster.startService(i)
  }
  load.stop()
  await working
  await load.check(cluster.stripeUrl)
  return { kills: options.kills, ...load.counts }
}

interface Partner {
  readonly provider: Signer
  readonly held: SignedRecord
}

/** A session with what is owed for it by what both sides signed. */
interface Known {
  readonly deal: Deal
  readonly provider: Signer
  sequence: number
  tokens: number
}

class Load {
  readonly #url: string
  readonly #random: Random
  readonly #tenant: Tenant
  readonly #partners: readonly Partner[]
  /** Sessions by their receipts that were acknowledged. */
  readonly #receipts: Known[] = []
  readonly #stated: string[] = []
  /** When each request was begun that is not answered yet, milliseconds since 1970. */
  readonly #begun = new Map<symbol, number>()
  #running = true
  #answered = 0
  #repeated = 0
  #toppedUp = 0
  #payouts = 0

  private constructor(url: string, seed: number, tenant: Tenant, partners: readonly Partner[]) {
    this.#url = url
    this.#random = randomFrom(seed + 1)
    this.#tenant = tenant
    this.#partners = partners
  }

  static async start(url: string, seed: number): Promise<Load> {
    const tenant = await newTenant(url)
    await topUp(url, tenant, TOP_UP_CENTS, 'first')
    const partners: Partner[] = []
    for (let i = 0; i < PROVIDERS; i++) {
      const provider = await newProvider(url)
      const held = await authorization(url, tenant, provider, 1_000n * EURO, `promise-${i}`)
      partners.push({ provider, held })
    }
    return new Load(url, seed, tenant, partners)
  }

  /** For how long the oldest request has been sent again and again. */
  get longestWaitMs(): number {
    return Math.max(0, ...[...this.#begun.values()].map((begun) => Date.now() - begun))
  }

  get counts(): Omit<CrashReport, 'kills'> {
    return {
      answered: this.#answered,
      repeated: this.#repeated,
      sessions: this.#receipts.length + this.#stated.length,
      topUps: this.#toppedUp,
      payouts: this.#payouts,
    }
  }

  /** Until `stop`, and then until everything that was begun is acknowledged. */
  async run(): Promise<void> {
    await Promise.all([
      this.#repeat(() => this.#submit()),
      this.#repeat(() => this.#submit()),
      this.#repeat(() => this.#state()),
      this.#repeat(() => this.#topUp()),
      this.#repeat(() => this.#pay()),
    ])
  }

  stop(): void {
    this.#running = false
  }

  async check(stripeUrl: string): Promise<void> {
    await this.#pay()
    await this.#checkSessions()
    await this.#checkMoney(stripeUrl)
    const operator = { key: OPERATOR }
    const books = await this.#get<Report>('/v1/admin/ledger/check', operator)
    assert.deepEqual(books.differences, [])
    const deadline = Date.now() + GIVE_UP_MS
    for (;;) {
      const log = await this.#get<Report & { waiting: boolean }>('/v1/admin/log/check', operator)
      assert.deepEqual(log.differences, [])
      // Every event is in the tree within a second or two.
      if (!log.waiting) break
      assert.ok(Date.now() < deadline, 'events wait for ever')
      await setTimeout(AGAIN_MS)
    }
    await this.#checkReconciliation()
  }

  /** What webhooks told to nobody is found by asking; then every movement at Stripe has its entry here. */
  async #checkReconciliation(): Promise<void> {
    const operator = { key: OPERATOR, json: {} }
    for (const job of ['stripe-events', 'payments']) {
      const { state } = await this.#acknowledged(() =>
        ask<{ state: string }>(this.#url, 'POST', `/v1/admin/jobs/${job}/runs`, operator),
      )
      assert.equal(state, 'done', job)
    }
    const { open, movements, differences } = await this.#acknowledged(() =>
      ask<Report & { open: number; movements: number }>(
        this.#url,
        'POST',
        '/v1/admin/reconciliations?whole=true',
        operator,
      ),
    )
    assert.deepEqual(differences, [])
    assert.equal(open, 0)
    assert.ok(movements > this.#toppedUp, 'not every movement was looked at')
  }

  /** Some new sessions, and more of one that is known. */
  async #submit(): Promise<void> {
    const sessions = Array.from({ length: 1 + this.#below(4) }, () => this.#newSession())
    const known = this.#receipts[this.#below(this.#receipts.length)]
    const next = [...sessions, ...(known === undefined ? [] : [this.#more(known)])]
    const items = next.map(({ deal, sequence, tokens }) => deal.submission(sequence, tokens))
    const results = await this.#post('/v1/receipts', writeSubmissions(items))
    for (const { status, code } of results) {
      // `superseded`: the other worker was first with a later receipt of the same session.
      assert.ok(['booked', 'duplicate', 'superseded'].includes(status), `${status} ${code}`)
    }
    this.#receipts.push(...sessions)
  }

  async #state(): Promise<void> {
    const partner = this.#partner()
    const deals = Array.from({ length: 1 + this.#below(5) }, () => this.#deal(partner))
    const made = makeStatement(
      {
        network: NETWORK,
        consumer: this.#tenant.consumer,
        provider: partner.provider,
        authorization: partner.held,
        // A lane for each: a lane's statements follow one another.
        lane: this.#stated.length + 1,
      },
      deals.map((deal) => lineOf(deal.submission(0, 5))),
    )
    const [result] = await this.#post('/v1/statements', writeStatements([made]))
    assert.ok(['booked', 'duplicate'].includes(result?.status ?? ''), `${result?.code}`)
    this.#stated.push(...deals.map(({ session }) => session))
  }

  async #topUp(): Promise<void> {
    const key = `top-up-${this.#toppedUp}`
    const { state } = await this.#acknowledged(() => topUp(this.#url, this.#tenant, 100, key))
    assert.equal(state, 'succeeded')
    this.#toppedUp++
  }

  async #pay(): Promise<void> {
    await this.#acknowledged(() =>
      ask(this.#url, 'POST', '/v1/admin/payout-runs', { key: OPERATOR, json: {} }),
    )
  }

  async #checkSessions(): Promise<void> {
    for (const { deal, tokens } of this.#receipts) {
      const { outputTokens } = await this.#get<{ outputTokens: string }>(
        `/v1/receipts/${deal.session}`,
      )
      assert.ok(BigInt(outputTokens) >= BigInt(tokens), `${deal.session} lost a receipt`)
    }
    for (const session of this.#stated) await this.#get(`/v1/receipts/${session}`)
  }

  /** What was paid in is there or spent, and what was paid out left Stripe once. */
  async #checkMoney(stripeUrl: string): Promise<void> {
    let spent = 0n
    for (const { deal } of this.#receipts) spent += await this.#amountOf(deal.session)
    for (const session of this.#stated) spent += await this.#amountOf(session)
    const { available, held } = await balanceOf(this.#url, this.#tenant)
    const paidIn = BigInt(TOP_UP_CENTS + 100 * this.#toppedUp) * CENT
    assert.equal(BigInt(available) + BigInt(held), paidIn - spent, 'money in')

    const intents = await stripeList(stripeUrl, '/v1/payment_intents')
    const charged = intents.filter(({ status }) => status === 'succeeded')
    assert.equal(charged.length, 1 + this.#toppedUp, 'charged twice, or not at all')
    let booked = 0n
    for (const { provider } of this.#partners) {
      const payouts = await this.#paid(provider.peerId)
      for (const { cents } of payouts) booked += BigInt(cents)
      this.#payouts += payouts.length
    }
    const transferred = sumOf(await stripeList(stripeUrl, '/v1/transfers'))
    assert.equal(transferred, booked, 'paid out twice, or not at all')
  }

  /** A payout that a dead process was about to ask for is asked for again when its lease has ended. */
  async #paid(provider: string): Promise<Payout[]> {
    for (const deadline = Date.now() + GIVE_UP_MS; ; ) {
      const payouts = await this.#payoutsOf(provider)
      const open = payouts.filter(({ state }) => state !== 'paid')
      if (open.length === 0) return payouts
      assert.ok(Date.now() < deadline, `a payout is ${open[0]?.state} for ever`)
      await setTimeout(AGAIN_MS * 10)
      await this.#pay()
    }
  }

  /** All of them, page by page: a long run makes many. */
  async #payoutsOf(provider: string): Promise<Payout[]> {
    const all: Payout[] = []
    for (let after: string | null = ''; after !== null; ) {
      const page: { payouts: Payout[]; next: string | null } = await this.#get(
        `/v1/admin/payouts?limit=500&provider=${provider}&after=${after}`,
        { key: OPERATOR },
      )
      all.push(...page.payouts)
      after = page.next
    }
    return all
  }

  async #amountOf(session: string): Promise<bigint> {
    return BigInt((await this.#get<{ amount: string }>(`/v1/receipts/${session}`)).amount)
  }

  #newSession(): Known {
    const partner = this.#partner()
    return { deal: this.#deal(partner), provider: partner.provider, sequence: 0, tokens: 5 }
  }

  #more(known: Known): Known {
    known.sequence++
    // Enough for a cent now and then, so that there is something to pay out.
    known.tokens += 10_000 + this.#below(50_000)
    return { ...known }
  }

  #deal({ provider, held }: Partner): Deal {
    const { consumer } = this.#tenant
    return makeDeal({ network: NETWORK, consumer, provider, authorization: held, at: Date.now() })
  }

  #partner(): Partner {
    const partner = this.#partners[this.#below(this.#partners.length)]
    if (partner === undefined) throw new Error('no partner')
    return partner
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (this.#running) {
      await work()
      // Rates are limited by address, and all of these come from one.
      await setTimeout(AGAIN_MS)
    }
  }

  async #post(path: string, cbor: Uint8Array): Promise<Result[]> {
    const { results } = await this.#acknowledged(() =>
      ask<{ results: Result[] }>(this.#url, 'POST', path, { cbor }),
    )
    return results
  }

  #get<Answer>(path: string, options: { key?: string } = {}): Promise<Answer> {
    return this.#acknowledged(() => ask<Answer>(this.#url, 'GET', path, options))
  }

  /** Sends it again while nobody is there, or whoever is there says that it may help. */
  async #acknowledged<Answer>(send: () => Promise<Answer>): Promise<Answer> {
    const request = Symbol('request')
    this.#begun.set(request, Date.now())
    for (const deadline = Date.now() + GIVE_UP_MS; ; ) {
      try {
        const answer = await send()
        this.#answered++
        this.#begun.delete(request)
        return answer
      } catch (error) {
        const mayHelp =
          error instanceof HttpFailure && (error.status >= 500 || error.status === 429)
        if (!mayHelp || Date.now() > deadline) {
          this.#begun.delete(request)
          throw error
        }
        this.#repeated++
        await setTimeout(AGAIN_MS)
      }
    }
  }
}

interface Result {
  readonly status: string
  readonly code?: string
}

interface Payout {
  readonly cents: string
  readonly state: string
}

interface Report {
  readonly differences: readonly unknown[]
}

interface StripeObject {
  readonly id: string
  readonly amount: number
  readonly status?: string
}

async function stripeList(url: string, path: string): Promise<StripeObject[]> {
  const all: StripeObject[] = []
  for (;;) {
    const after = all.at(-1)?.id
    const query = `limit=100${after === undefined ? '' : `&starting_after=${after}`}`
    const page = await ask<{ data: StripeObject[]; has_more: boolean }>(
      url,
      'GET',
      `${path}?${query}`,
      { key: 'sk_test_double' },
    )
    all.push(...page.data)
    if (!page.has_more) return all
  }
}

const sumOf = (objects: readonly StripeObject[]): bigint =>
  objects.reduce((sum, { amount }) => sum + BigInt(amount), 0n)
