// What settlement must answer to receipts, in a few lines: no batches, no rollups.

export interface ModelAuthorization {
  readonly cid: string
  readonly provider: number
  left: bigint
  readonly expires: number
  open: boolean
  /** Of one of its sessions two receipts have one number. */
  disputed: boolean
}

interface ModelSession {
  readonly seen: Map<number, string>
  last: number
  amount: bigint
  /** Two receipts have one number. */
  frozen: boolean
}

/** A receipt, as far as its price goes. */
export interface ModelReceipt {
  readonly authorization: string | null
  readonly session: string
  readonly sequence: number
  readonly receipt: string
  readonly amount: bigint
}

/** The naive rules of booking; what is earned is the heir's to keep. */
export abstract class ModelBookings {
  readonly authorizations: ModelAuthorization[] = []
  readonly #sessions = new Map<string, ModelSession>()

  /** A receipt was booked: pico-euro more than before, and the platform's part of it. */
  protected abstract earned(provider: number, increase: bigint, fee: bigint): void

  hold(cid: string, provider: number, limit: bigint, expires: number): void {
    this.authorizations.push({ cid, provider, left: limit, expires, open: true, disputed: false })
  }

  /** What settlement must answer to a receipt. */
  book(given: ModelReceipt, now: number): string {
    const authorization = this.authorizations.find(({ cid }) => cid === given.authorization)
    const session = this.#sessions.get(given.session) ?? {
      seen: new Map(),
      last: -1,
      amount: 0n,
      frozen: false,
    }
    const seen = session.seen.get(given.sequence)
    if (seen === given.receipt) return 'duplicate'
    if (seen !== undefined) {
      session.frozen = true
      if (authorization !== undefined) authorization.disputed = true
      return 'HANSE_RECEIPT_EQUIVOCATION'
    }
    if (session.frozen) return 'HANSE_SESSION_FROZEN'
    if (given.sequence < session.last) {
      session.seen.set(given.sequence, given.receipt)
      return 'superseded'
    }
    if (given.amount < session.amount) return 'HANSE_RECEIPT_CHAIN'
    if (authorization === undefined) return 'HANSE_AUTHORIZATION_INVALID'
    if (now >= authorization.expires) return 'HANSE_AUTHORIZATION_EXPIRED'
    if (!authorization.open) return 'HANSE_HOLD_RELEASED'
    const increase = given.amount - session.amount
    if (increase > authorization.left) return 'HANSE_RECEIPT_LIMIT'
    const fee = given.amount / 4n - session.amount / 4n
    authorization.left -= increase
    this.earned(authorization.provider, increase, fee)
    session.seen.set(given.sequence, given.receipt)
    session.last = given.sequence
    session.amount = given.amount
    this.#sessions.set(given.session, session)
    return 'booked'
  }
}
