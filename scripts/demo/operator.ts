import { randomUUID } from 'node:crypto'

export interface LedgerEntry {
  readonly kind: string
  readonly debit: string
  readonly credit: string
  /** Pico-euro, decimal digits. */
  readonly amount: string
  readonly reference: string
}

export interface LedgerReport {
  readonly balanced: boolean
  readonly differences: readonly unknown[]
}

export interface LogCheck {
  readonly differences: readonly unknown[]
  /** Events that no checkpoint covers yet. */
  readonly waiting: boolean
}

export interface Payout {
  readonly id: string
  readonly provider: string
  readonly cents: string
  readonly state: string
}

export interface Tenant {
  readonly organization: string
  readonly apiKey: string
}

/** The operator's part of a settlement service's HTTP API. */
export class Operator {
  readonly #url: string
  readonly #token: string

  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  async createOrganization(name: string, consumers: readonly string[]): Promise<Tenant> {
    return await this.#call<Tenant>('POST', '/v1/admin/organizations', {
      name,
      consumers,
      lawfulBasis: 'contract',
    })
  }

  /** Tops up with a test card whose money is there at once. */
  async topUp({ apiKey }: Tenant, cents: bigint): Promise<void> {
    const body = { cents: cents.toString(), paymentMethod: 'pm_card_bypassPending' }
    await this.#call('POST', '/v1/top-ups', body, apiKey)
  }

  /** What the organization may still spend, pico-euro. */
  async available({ apiKey }: Tenant): Promise<bigint> {
    const { available } = await this.#call<{ available: string }>(
      'GET',
      '/v1/balance',
      undefined,
      apiKey,
    )
    return BigInt(available)
  }

  /** Newest first. */
  async entries(): Promise<readonly LedgerEntry[]> {
    const { entries } = await this.#entries()
    return entries
  }

  /** All that the ledger holds, newest first. */
  async allEntries(): Promise<readonly LedgerEntry[]> {
    const all: LedgerEntry[] = []
    for (let before: string | null | undefined; before !== null; ) {
      const { entries, next } = await this.#entries(before)
      all.push(...entries)
      before = next
    }
    return all
  }

  async #entries(before?: string): Promise<{ entries: LedgerEntry[]; next: string | null }> {
    const from = before === undefined ? '' : `&before=${before}`
    return await this.#call('GET', `/v1/admin/ledger/entries?limit=100${from}`)
  }

  async checkLedger(): Promise<LedgerReport> {
    return await this.#call<LedgerReport>('GET', '/v1/admin/ledger/check')
  }

  async checkLog(): Promise<LogCheck> {
    return await this.#call<LogCheck>('GET', '/v1/admin/log/check')
  }

  async runPayouts(): Promise<readonly Payout[]> {
    const { payouts } = await this.#call<{ payouts: Payout[] }>('POST', '/v1/admin/payout-runs', {})
    return payouts
  }

  async #call<Result>(
    method: string,
    path: string,
    body?: unknown,
    key: string = this.#token,
  ): Promise<Result> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      signal: AbortSignal.timeout(30_000),
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'idempotency-key': randomUUID() }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Result
  }
}
