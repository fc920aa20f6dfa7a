import type { SignedRecord } from '@hanse/protocol'

export type SessionRole = 'provider' | 'consumer'

/** How a session came to its end. */
export interface SessionEnd {
  readonly role: SessionRole
  readonly peer: string
  readonly endedAt: number | undefined
  /** Its last doubly-signed receipt. */
  readonly last: SignedRecord
}

/** The log of sessions asks for each as it ends; a few may end while the disk keeps it. Some 2 KB each. */
const ENDED_MAX = 64

interface Known {
  readonly role: SessionRole
  readonly peer: string
  last: SignedRecord | undefined
}

/** What is known of sessions that go on, and how the last ones ended: all of it was written down, and need not be read again. */
export class SessionEnds {
  readonly #open = new Map<string, Known>()
  readonly #ended = new Map<string, SessionEnd>()

  begin(session: string, role: SessionRole, peer: string): void {
    this.#open.set(session, { role, peer, last: undefined })
  }

  receipt(session: string, last: SignedRecord): void {
    const known = this.#open.get(session)
    if (known !== undefined) known.last = last
  }

  end(session: string, endedAt: number): void {
    const known = this.#open.get(session)
    this.#open.delete(session)
    if (known?.last === undefined) return
    const { role, peer, last } = known
    this.#ended.set(session, { role, peer, endedAt, last })
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > ENDED_MAX && oldest !== undefined) this.#ended.delete(oldest)
  }

  /** `undefined` for one that goes on, ended long ago, or has no receipt: the file tells. */
  of(session: string): SessionEnd | undefined {
    return this.#ended.get(session)
  }

  /** What was written may not have been kept. */
  clear(): void {
    this.#open.clear()
    this.#ended.clear()
  }
}
