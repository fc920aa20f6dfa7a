import { ApiError, type Client, operating, personal } from '#lib/api.ts'
import { faultText } from '#lib/fault-text.ts'
import { isRefusedProof, proving } from '#lib/proving.svelte.ts'
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
  /** All that was refused waits for the same one. */
  #proof: Promise<void> | undefined

  can(power: Power): boolean {
    return this.operator?.may.includes(power) ?? false
  }

  /** Where the sign-in has become too old it asks for a new one, and goes on: with reads as with changes. */
  client(): Promise<Client> {
    return operating((error, method) => this.#proveFor(error, method))
  }

  async open(): Promise<void> {
    try {
      const client = await personal()
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

  /** Does what an operator decides. @throws {ProofRefused} where the sign-in is too old and stays so */
  async act<Value>(send: (client: Client) => Promise<Value>): Promise<Value> {
    return await send(await this.client())
  }

  /** Whether to send again what was refused. */
  async #proveFor({ code }: ApiError, method: string): Promise<boolean> {
    if (code !== 'HANSE_SIGN_IN_AGAIN') return false
    // It may have been on its way while the person showed who they are.
    if (await this.#isProven()) return true
    try {
      this.#proof ??= this.#prove().finally(() => {
        this.#proof = undefined
      })
      await this.#proof
      return true
    } catch (error) {
      // Nothing can be read any more, and the page says so; of a change, the form stays as it is.
      if (method === 'get' && isRefusedProof(error)) this.stage = 'unproven'
      throw error
    }
  }

  /** A passkey may be another person's: then nothing stays of what the first one was shown. */
  async #prove(): Promise<void> {
    await proving.ask()
    const before = this.person?.person
    await this.open()
    if (this.person?.person !== before) this.forget()
  }

  async #isProven(): Promise<boolean> {
    try {
      await (await personal()).get('/v1/operator')
      return true
    } catch {
      return false
    }
  }
}

export const operators = new ConsoleSession()
