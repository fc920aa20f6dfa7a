import {
  type ConsumerFrame,
  encodeFrame,
  type Order,
  picoEuro,
  type SignedRecord,
  signRecord,
  spendAuthorization,
} from '@hanse/protocol'
import type { Host, Random } from '../kernel/index.ts'
import { CONTEXT, IMPOSTOR, peer, SETTLEMENT } from './cast.ts'
import { PAIR } from './collusion.ts'
import type { ProviderNode } from './provider-node.ts'
import type { ConsumerPlan } from './scenario.ts'
import type { SignedAuthorization } from './session-store.ts'
import type { World } from './world.ts'

type Tamper = (frame: ConsumerFrame) => readonly (ConsumerFrame | Uint8Array)[]

/** When a recorded order is sent again, virtual milliseconds later. */
const REPLAYS_MS = [0, 500, 5_000, 30_000, 90_000]

/** Spoils what a cheating consumer orders and sends; for an honest one it does nothing. */
export class ConsumerTampering {
  readonly #world: World
  readonly #host: Host
  readonly #plan: ConsumerPlan
  readonly #random: Random

  constructor(world: World, host: Host, plan: ConsumerPlan, random: Random) {
    this.#world = world
    this.#host = host
    this.#plan = plan
    this.#random = random
  }

  order(
    value: Order,
    authorization: SignedRecord | null,
  ): { value: Order; authorization: SignedRecord | null } {
    const cite = (other: SignedRecord & { cid: Order['offer'] }) => ({
      value: { ...value, authorization: other.cid },
      authorization: other,
    })
    const { cheat } = this.#plan
    switch (cheat) {
      case 'forged-authorization':
      case 'foreign-issuer': {
        this.#acts()
        const issuer = cheat === 'foreign-issuer' ? IMPOSTOR : SETTLEMENT
        return cite(this.#authorization(value, issuer.peerId))
      }
      case 'foreign-authorization': {
        // Of another consumer for this provider, or its own for another provider.
        const others = this.#world.authorizations.filter(
          (one) =>
            (one.value.consumer === value.consumer) !== (one.value.provider === value.provider),
        )
        const stolen = this.#random.chance(0.5) ? this.#steal(value) : undefined
        const found = stolen ?? others[this.#random.between(0, others.length)]
        if (found === undefined) break
        this.#acts()
        return cite(found)
      }
      case 'wide-window':
        this.#acts()
        return { value: { ...value, creditWindow: picoEuro(1n << 50n) }, authorization }
      case 'low-price':
        this.#acts()
        return { value: { ...value, outputPrice: picoEuro(1n) }, authorization }
      case 'wrong-prompt':
        this.#acts()
        return { value: { ...value, promptCommitment: this.#random.bytes(32) }, authorization }
      case 'stale-order': {
        this.#acts()
        const issuedAt = value.issuedAt - 600_000
        return { value: { ...value, issuedAt, notAfter: issuedAt + 120_000 }, authorization }
      }
      case 'lax-policy':
        this.#acts()
        return { value: { ...value, residency: { allow: ['EU'], minLevel: 3 } }, authorization }
      case 'withhold':
      case 'withhold-later':
      case 'refuse-right':
      case 'bad-countersignature':
      case 'early-countersignature':
      case 'replay-order':
      case 'double-spend':
      case 'other-provider':
      case 'refuse-statements':
      case 'spoil-statements':
      case undefined:
        break
    }
    return { value, authorization }
  }

  /** What leaves on one stream. */
  session(provider: ProviderNode): Tamper {
    const { cheat } = this.#plan
    const first: ConsumerFrame[] = []
    let countersigned = 0
    return (frame) => {
      if (cheat === undefined) return [frame]
      if (frame.t === 'order' || frame.t === 'prompt') {
        first.push(frame)
        if (frame.t === 'prompt' && frame.last) this.#replay(provider, first)
        return [frame]
      }
      if (frame.t !== 'countersign') return [frame]
      countersigned++
      const { sequence } = frame
      switch (cheat) {
        case 'withhold':
          this.#acts()
          return []
        case 'withhold-later':
          if (countersigned < 3) return [frame]
          this.#acts()
          return []
        case 'refuse-right':
          this.#acts()
          return [{ t: 'refuse', sequence, code: 'HANSE_RECEIPT_AMOUNT' }]
        case 'bad-countersignature':
          this.#acts()
          return [{ ...frame, signature: this.#random.bytes(64) }]
        case 'early-countersignature':
          this.#acts()
          // The next one too, which is not issued yet; its signature cannot be right.
          return [frame, { ...frame, sequence: sequence + 1n }]
        case 'replay-order':
        case 'double-spend':
        case 'forged-authorization':
        case 'foreign-authorization':
        case 'foreign-issuer':
        case 'wide-window':
        case 'low-price':
        case 'wrong-prompt':
        case 'lax-policy':
        case 'stale-order':
        case 'other-provider':
        case 'refuse-statements':
        case 'spoil-statements':
          return [frame]
      }
    }
  }

  /** The very same bytes on new streams: to the same provider, soon and after a while, or to another one. */
  #replay(provider: ProviderNode, frames: readonly ConsumerFrame[]): void {
    const { cheat } = this.#plan
    if (cheat !== 'replay-order' && cheat !== 'other-provider') return
    const { network, providers } = this.#world
    const to = cheat === 'replay-order' ? provider : this.#random.pick(providers)
    for (const ms of REPLAYS_MS) {
      this.#host.after(ms + this.#random.between(0, 100), () => {
        this.#acts()
        network.connect(this.#host, to.host, (end) => {
          for (const frame of frames) end?.send(encodeFrame(frame))
        })
      })
    }
  }

  /** An authorization of somebody else for this very provider. */
  #steal({ provider }: Order): SignedAuthorization | undefined {
    const { settlement } = this.#world
    const server = settlement.host()
    let stolen: SignedAuthorization | undefined
    server.enter(() => {
      const reply = settlement.authorize(server, {
        organization: PAIR.organization,
        consumer: peer(PAIR.consumer),
        provider,
        amount: picoEuro(100_000_000n),
        lifetimeMs: 3_600_000,
      })
      if ('signed' in reply) stolen = reply.signed
    })
    return stolen
  }

  /** Signed by somebody who is not settlement. */
  #authorization({ consumer, provider, issuedAt }: Order, issuer: typeof SETTLEMENT.peerId) {
    return signRecord(
      CONTEXT,
      spendAuthorization,
      {
        issuer,
        consumer,
        provider,
        organization: this.#plan.organization,
        limit: picoEuro(10n ** 12n),
        issuedAt,
        notAfter: issuedAt + 3_600_000,
        serial: BigInt(this.#random.between(1, 5)),
      },
      'settlement',
      IMPOSTOR,
    )
  }

  #acts(): void {
    this.#world.kernel.count(`consumer cheats: ${this.#plan.cheat}`)
  }
}
