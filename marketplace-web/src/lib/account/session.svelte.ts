import { ApiError, type Client, personal } from '#lib/api.ts'
import { isExpired } from '#lib/expiry.ts'
import { faultText } from '#lib/fault-text.ts'
import { proving } from '#lib/proving.svelte.ts'
import { Query } from '#lib/query.svelte.ts'
import { type Permission, type Role, roleAllows } from './roles.ts'

export type Person = {
  readonly person: string
  readonly email: string
  readonly name: string
  readonly hasPassword: boolean
  readonly hasTotp: boolean
  readonly recoveryCodesLeft: number
  readonly session: string
}
export type Organization = {
  readonly organization: string
  readonly name: string
  readonly role: Role
  readonly needsSso: boolean
  readonly isDisabled: boolean
}

/** Which organization was looked at last, in this browser. */
const keptAs = 'hanse-organization'

/** Who is signed in, and in which of their organizations they act. */
class Session {
  stage = $state<'opening' | 'nobody' | 'ready' | 'failed'>('opening')
  fault = $state<string>()
  person = $state.raw<Person>()
  organizations = $state.raw<readonly Organization[]>([])
  /** The service runs in EU mode: it has an audit trail, and answers what the GDPR lets people ask. */
  isAudited = $state(false)
  /** Of the organization that was just made: shown once. */
  firstKey = $state<string>()
  #chosen = $state('')
  #queries = new Map<string, Query<unknown>>()

  get organization(): Organization | undefined {
    return (
      this.organizations.find(({ organization }) => organization === this.#chosen) ??
      this.organizations[0]
    )
  }

  can(permission: Permission): boolean {
    const role = this.organization?.role
    return role !== undefined && roleAllows(role, permission)
  }

  /** Of the organization that is looked at. */
  client(): Promise<Client> {
    return personal(this.organization?.organization)
  }

  async open(): Promise<void> {
    try {
      const client = await personal()
      const [person, { organizations }, isAudited] = await Promise.all([
        client.get('/v1/account'),
        client.get('/v1/organizations'),
        hasRights(client),
      ])
      this.isAudited = isAudited
      this.person = person
      this.organizations = organizations
      this.#chosen = readKept()
      this.stage = 'ready'
      this.fault = undefined
    } catch (error) {
      this.stage = isExpired(error) ? 'nobody' : 'failed'
      this.fault = faultText(error)
    }
  }

  choose(organization: string): void {
    this.#chosen = organization
    this.#queries.clear()
    keep(organization)
  }

  /** Nothing of who was signed in stays in the page. */
  close(): void {
    this.#queries.clear()
    this.person = this.firstKey = undefined
    this.organizations = []
    this.stage = 'opening'
  }

  /** An answer that several pages share, by its name. */
  query<Value>(name: string, read: (client: Client) => Promise<Value>): Query<Value> {
    const known = this.#queries.get(name) as Query<Value> | undefined
    const found = known ?? new Query(async () => read(await this.client()))
    this.#queries.set(name, found as Query<unknown>)
    return found
  }

  /** Does what wants a sign-in of the last ten minutes: where it is older, the person is asked, and it is done again. */
  async fresh<Value>(send: (client: Client) => Promise<Value>): Promise<Value> {
    const client = await this.client()
    return await proving.fresh(() => send(client))
  }
}

/** Elsewhere none of these routes is there. */
async function hasRights(client: Client): Promise<boolean> {
  try {
    await client.get('/v1/gdpr/me/exports')
    return true
  } catch (error) {
    if (error instanceof ApiError && error.code === 'HANSE_NOT_FOUND') return false
    throw error
  }
}

function readKept(): string {
  try {
    return localStorage.getItem(keptAs) ?? ''
  } catch {
    return ''
  }
}

function keep(organization: string): void {
  try {
    localStorage.setItem(keptAs, organization)
  } catch {
    // Storage is refused in some private windows: the choice then lasts for this page only.
  }
}

export const session = new Session()
