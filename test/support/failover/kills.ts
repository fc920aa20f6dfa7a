import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionOutcome } from '@hanse/node'
import { type Asked, Asker, proveCost, proveWhole } from './asker.ts'
import { proveBundles, proveReceipts, proveSameReceipts } from './proof.ts'
import { type AnswerPlan, openPeer, Seller } from './seller.ts'
import type { Tapped } from './wiretap.ts'

/** What becomes of a provider in the middle of an answer. */
export const FAULTS = [
  /** Its line is cut. */
  'cut',
  /** Its line is dead, and nobody says so. */
  'freeze',
  /** Its engine breaks off, reports an error, or says nothing more. */
  'die-mid',
  'error-mid',
  'hang-mid',
  /** It is stopped, and may not wait for what runs. */
  'drain',
] as const
export type Fault = (typeof FAULTS)[number]

export interface Kill {
  readonly fault: Fault
  /** Index of the provider. */
  readonly victim: number
  /** Tokens of its own, after which it happens. */
  readonly afterTokens: number
}

/** Silence that is taken for the end, ms; the doubles send a token every few ms. */
const FAILOVER = { max: 3, stallMs: 1_000 }
const ENDED_MS = 10_000

/** Numbers from 0 up to `below`, as a seed makes them (mulberry32). */
export function dice(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Three providers in this process, and somebody who asks them. */
export class KillingField implements AsyncDisposable {
  readonly sellers: readonly Seller[]
  readonly asker: Asker
  readonly #plan: AnswerPlan
  readonly #stack: AsyncDisposableStack

  private constructor(
    sellers: readonly Seller[],
    asker: Asker,
    plan: AnswerPlan,
    stack: AsyncDisposableStack,
  ) {
    this.sellers = sellers
    this.asker = asker
    this.#plan = plan
    this.#stack = stack
  }

  static async open(plan: AnswerPlan): Promise<KillingField> {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'hanse-failover-'))
    stack.defer(async () => await rm(folder, { recursive: true, force: true }))
    const peer = await openPeer(join(folder, 'asker'))
    stack.use(peer.network)
    const bootstrap = peer.network.addresses()
    const sellers: Seller[] = []
    for (const name of ['a', 'b', 'c'])
      sellers.push(stack.use(await Seller.start(join(folder, name), bootstrap, plan)))
    const asker = stack.use(new Asker(peer))
    return new KillingField(sellers, asker, plan, stack.move())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  /**
   * Asks for an answer, kills providers in the middle of it, and proves that the client noticed nothing and that each was paid
   * for its part.
   *
   * @returns how many receipts the providers lack that were cut off, how often the answer went on, and whether its last chunk
   *   told what it cost by the receipts
   */
  async survive(
    kills: readonly Kill[],
  ): Promise<{ lacking: number; failovers: number; told: boolean }> {
    const { tap } = this.asker
    const before = tap.sessions.length
    const drained: Seller[] = []
    for (const kill of kills) this.#arm(kill, drained)
    const first = kills.map(({ victim }) => this.#seller(victim).peerId)
    const market = this.sellers.map(({ peerId }) => peerId)
    const asked = await this.asker.ask(first, market, FAILOVER)
    tap.forget()
    for (const { engine } of this.sellers) engine.control.fault = 'none'
    const sessions = tap.sessions.slice(before)
    proveWhole(asked, this.#plan.tokens)
    const lacking = await this.#proveBooks(asked, sessions, kills)
    const told = await proveCost(asked)
    for (const seller of drained) await seller.restart()
    return { lacking, failovers: asked.failovers.length, told }
  }

  #arm({ fault, victim, afterTokens }: Kill, drained: Seller[]): void {
    const seller = this.#seller(victim)
    const { tap } = this.asker
    if (fault === 'cut' || fault === 'freeze') tap.plan(seller.peerId, afterTokens, fault)
    else if (fault === 'drain')
      tap.plan(seller.peerId, afterTokens, () => {
        drained.push(seller)
        void seller.drain()
      })
    else Object.assign(seller.engine.control, { fault, faultAfter: afterTokens })
  }

  async #proveBooks(
    { answer }: Asked,
    sessions: readonly Tapped[],
    kills: readonly Kill[],
  ): Promise<number> {
    const bill = await answer.bill
    const outcomes = new Map(bill.sessions.map((outcome) => [outcome.session, outcome]))
    let amount = 0n
    let lacking = 0
    for (const tapped of sessions) {
      const outcome = outcomes.get(tapped.session)
      assert.ok(outcome !== undefined, `${tapped.session} is on the bill`)
      const seller = this.sellers.find(({ peerId }) => peerId === tapped.order.provider)
      assert.ok(seller !== undefined, `${tapped.session} is of one of the three`)
      const kill = kills.find(({ victim }) => this.sellers[victim] === seller)
      const cut = wasCut(outcome, kill)
      amount += proveReceipts(this.asker.store, tapped, !cut).amount
      await untilEnded(seller, tapped.session)
      lacking += proveSameReceipts(tapped, this.asker.store, seller.store, cut)
    }
    assert.equal(bill.amount, amount, 'the bill is the sum of the last receipts')
    proveBundles(
      this.asker.store,
      answer.parts.map(({ session }) => session),
    )
    return lacking
  }

  #seller(index: number): Seller {
    const seller = this.sellers[index]
    if (seller === undefined) throw new RangeError(`there is no seller ${index}`)
    return seller
  }
}

/** Whether a session ended without a last word of its provider. */
function wasCut({ reason }: SessionOutcome, kill: Kill | undefined): boolean {
  return reason === 'provider-unreachable' || (kill?.fault === 'freeze' && reason === 'cancelled')
}

async function untilEnded({ store }: Seller, session: string): Promise<void> {
  const until = Date.now() + ENDED_MS
  while (store.hasSession(session) && store.session(session)?.endedAt === undefined) {
    if (Date.now() > until) assert.fail(`${session} never ended at its provider`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
