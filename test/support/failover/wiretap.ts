import type { FrameStream, Network } from '@hanse/node'
import {
  decodeConsumerFrame,
  decodeProviderFrame,
  type Order,
  openSigned,
  order,
  orderSigners,
  SESSION_PROTOCOL,
} from '@hanse/protocol'

export interface Tapped {
  /** CID of the order. */
  readonly session: string
  readonly order: Order
  /** Payloads as they came from the provider, with what each is worth. */
  readonly delivered: readonly (readonly [tokens: number, payload: Uint8Array])[]
}

type Fault = 'cut' | 'freeze'

interface Planned {
  readonly fault: Fault | (() => void)
  readonly afterTokens: number
}

/** Listens to a consumer's sessions, and breaks the line of one of them when so many tokens have come. */
export class Wiretap {
  readonly network: Pick<Network, 'openStream'>
  readonly sessions: Tapped[] = []
  readonly #networkName: string
  readonly #planned = new Map<string, Planned>()

  constructor(network: Pick<Network, 'openStream'>, networkName: string) {
    this.#networkName = networkName
    this.network = {
      openStream: async (target, protocols, waiting) => {
        const opened = await network.openStream(target, protocols, waiting)
        if (protocols === SESSION_PROTOCOL) this.#listen(opened.frames)
        return opened
      },
    }
  }

  /** Of the next session with this provider. */
  plan(provider: string, afterTokens: number, fault: Planned['fault']): void {
    this.#planned.set(provider, { fault, afterTokens })
  }

  /** Plans that no session has come to. */
  forget(): void {
    this.#planned.clear()
  }

  #listen(frames: FrameStream): void {
    const delivered: [number, Uint8Array][] = []
    let planned: Planned | undefined
    let frozen = false
    const write = frames.write.bind(frames)
    const readBatch = frames.readBatch.bind(frames)
    frames.write = (bytes) => {
      if (frozen) return true
      const frame = decodeConsumerFrame(bytes)
      if (frame.t === 'order') {
        const context = { network: this.#networkName }
        const { cid, value } = openSigned(context, order, frame.order, orderSigners)
        planned ??= this.#planned.get(value.provider)
        this.#planned.delete(value.provider)
        this.sessions.push({ session: cid.toString(), order: value, delivered })
      }
      return write(bytes)
    }
    const breakLine = (fault: Fault): void => {
      if (fault === 'cut') frames.abort(new Error('the line was cut'))
      else frozen = true
    }
    frames.readBatch = async () => {
      const batch = await readBatch()
      const passed: Uint8Array[] = []
      for (const bytes of batch ?? []) {
        if (frozen) break
        const frame = decodeProviderFrame(bytes)
        if (frame.t === 'delta') delivered.push(...frame.items)
        passed.push(bytes)
        if (planned === undefined || tokensOf(delivered) < planned.afterTokens) continue
        const { fault } = planned
        planned = undefined
        if (typeof fault === 'function') fault()
        else breakLine(fault)
        if (fault === 'cut') return passed
      }
      // A line that is dead and not closed: nothing more is heard, and nobody says so.
      if (frozen && passed.length === 0) return await new Promise<never>(() => {})
      return batch === undefined ? undefined : passed
    }
  }
}

export function tokensOf(delivered: Tapped['delivered']): number {
  return delivered.reduce((sum, [tokens]) => sum + tokens, 0)
}
