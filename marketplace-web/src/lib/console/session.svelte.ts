import { ApiError, type Client, personal } from '#lib/api.ts'
import { faultText } from '#lib/fault-text.ts'
import { proving } from '#lib/proving.svelte.ts'
import { Query } from '#lib/query.svelte.ts'
import type { Power } from './powers.ts'

export type Person = {
  readonly person: string
  readonly email: string
  readonly hasPassword: boolean
}
export type Operator = {
  readonly operator: string
  readonly name: string
  readonly role: 'operator' | 'support' | 'platform-auditor'
  readonly may: readonly Power[]
}

/** What stands between a person and the console, by the code of the refusal. */
const stages = {
  HANSE_UNAUTHENTICATED: 'nobody',
  HANSE_FORBIDDEN: 'stranger',
  HANSE_SECOND_FACTOR: 'unproven',
  HANSE_SIGN_IN_AGAIN: 'unproven',
} as const

/** Who is signed in, and as which operator they act. */
class ConsoleSession {
  stage = $state<'opening' | 'nobody' | 'stranger' | 'unproven' | 'ready' | 'failed'>('opening')
  fault = $state<string>()
  person = $state.raw<Person>()
  operator = $state.raw<Operator>()
  #queries = new Map<string, Query<unknown>>()

  can(power: Power): boolean {
    return this.operator?.may.includes(power) ?? false
  }

  client(): Promise<Client> {
    return personal()
  }

  async open(): Promise<void> {
    try {
      const client = await this.client()
      this.person = await client.get('/v1/account')
      this.operator = await client.get('/v1/operator')
      this.stage = 'ready'
      this.fault = undefined
    } catch (error) {
      const code = error instanceof ApiError ? error.code : ''
      this.operator = undefined
      this.stage = stages[code as keyof typeof stages] ?? 'failed'
      this.fault = faultText(error)
    }
  }

  /** Nothing of who was signed in stays in the page. */
  close(): void {
    this.#queries.clear()
    this.person = this.operator = undefined
    this.stage = 'opening'
  }

  /** An answer that several pages share, by its name. */
  query<Value>(name: string, read: (client: Client) => Promise<Value>): Query<Value> {
    const known = this.#queries.get(name) as Query<Value> | undefined
    const found = known ?? new Query(async () => read(await this.client()))
    this.#queries.set(name, found as Query<unknown>)
    return found
  }

  /** After a change: what any page has been told is asked for again when it is next looked at. */
  forget(): void {
    this.#queries.clear()
  }

  /** Does what an operator decides. Where the sign-in is too old, the person is asked, and it is done again. */
  async act<Value>(send: (client: Client) => Promise<Value>): Promise<Value> {
    const client = await this.client()
    return await proving.fresh(() => send(client))
  }
}

export const operators = new ConsoleSession()
