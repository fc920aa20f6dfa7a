import type { Client } from '#lib/api.ts'
import { isExpired, tellExpired } from '#lib/expiry.ts'
import { faultText } from '#lib/fault-text.ts'
import { operators } from '../session.svelte.ts'

export type Batch<Row> = { readonly rows: readonly Row[]; readonly next: string | null }

/** A list of the service that goes on for longer than anybody reads: a page at a time, as long as somebody asks. */
export class Paged<Row extends object> {
  rows = $state.raw<readonly Row[]>()
  next = $state<string | null>(null)
  fault = $state<string>()
  busy = $state(false)
  readonly #read: (client: Client, cursor: string | undefined) => Promise<Batch<Row>>
  /** Answers of a list that was begun anew meanwhile are for nobody. */
  #round = 0

  constructor(read: (client: Client, cursor: string | undefined) => Promise<Batch<Row>>) {
    this.#read = read
  }

  /** From the beginning; what is shown stays until the answer is here. */
  async load(): Promise<void> {
    await this.#ask(undefined, [])
  }

  async more(): Promise<void> {
    if (this.next !== null && !this.busy) await this.#ask(this.next, this.rows ?? [])
  }

  async #ask(cursor: string | undefined, before: readonly Row[]): Promise<void> {
    const round = ++this.#round
    this.busy = true
    this.fault = undefined
    try {
      const { rows, next } = await this.#read(await operators.client(), cursor)
      if (round !== this.#round) return
      this.rows = [...before, ...rows]
      this.next = next
    } catch (error) {
      if (round !== this.#round) return
      if (isExpired(error)) tellExpired()
      this.fault = faultText(error)
    } finally {
      if (round === this.#round) this.busy = false
    }
  }
}
