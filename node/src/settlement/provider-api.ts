import { HanseError, type SignedRecord, type Signer, signRequest } from '@hanse/protocol'
import { z } from 'zod'
import {
  type DataExportView,
  dataExportJson,
  dataExportsJson,
  type ErasureView,
  erasureJson,
  type RightsDetail,
  type RightsRequestView,
  rightsDetailJson,
  rightsRequestJson,
  rightsRequestsJson,
} from './rights-json.ts'
import {
  REQUEST_MS,
  readAnswer,
  refusalForPeople,
  signedJson,
  unanswered,
} from './settlement-http.ts'

export interface ProviderApiOptions {
  /** Base URL of the settlement service. */
  readonly url: string
  readonly network: string
  /** The key of the provider's node. */
  readonly signer: Signer
  readonly now: () => number
}

const amount = z
  .string()
  .regex(/^-?\d{1,40}$/u)
  .transform(BigInt)
const time = z.number()
const identityJson = z.object({ peerId: z.string(), network: z.string() })

const earningsJson = z.object({
  peerId: z.string(),
  payable: amount,
  heldBack: amount,
  inTransit: amount,
  debt: amount,
  onHold: z.boolean(),
  /** Of this provider's contract; not told by an earlier release. */
  feeBps: z.number().optional(),
  held: z.array(z.object({ amount, shareBps: z.number(), heldAt: time, freeAt: time })),
  payouts: z.array(
    z.object({
      id: z.string(),
      cents: amount,
      reversedCents: amount,
      state: z.string(),
      failure: z.string().nullable(),
      createdAt: time,
      updatedAt: time,
    }),
  ),
  bankPayouts: z.array(
    z.object({
      id: z.string(),
      cents: amount,
      state: z.string(),
      failure: z.string().nullable(),
      arrivesAt: time,
      createdAt: time,
    }),
  ),
})
export type Earnings = z.output<typeof earningsJson>

const termsJson = z.object({
  feeBps: z.number(),
  payoutMinimumCents: amount,
  /** Not told by an earlier release. */
  nextPayoutRunAt: time.optional(),
  holdBack: z.object({
    freeCents: amount,
    stages: z.array(
      z.object({
        untilDays: z.number(),
        untilCents: amount,
        shareBps: z.number(),
        days: z.number(),
      }),
    ),
  }),
})
export type EarningsTerms = z.output<typeof termsJson>

const documentJson = z.object({
  number: z.string(),
  kind: z.string(),
  test: z.boolean(),
  issuedAt: time,
  period: z.object({ from: time, to: time }).nullable(),
  corrects: z.string().nullable(),
  netCents: amount,
  vatCents: amount,
  grossCents: amount,
  sha256: z.string(),
})
const documentsJson = z.object({ documents: z.array(documentJson), next: z.string().nullable() })
export type DocumentSummary = z.output<typeof documentJson>

const profileJson = z.object({
  profile: z.record(z.string(), z.string()).nullable(),
  version: z.number(),
  at: time.nullable(),
  selfBillingTerms: z.string(),
})
export type TaxProfile = z.output<typeof profileJson>

const landmarkJson = z.object({
  peerId: z.string(),
  latitude: z.number(),
  longitude: z.number(),
  address: z.string(),
})
const challengeJson = z.object({
  nonce: z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64'))),
  expiresAt: time,
  landmarks: z.array(landmarkJson),
})
export type LocationChallenge = z.output<typeof challengeJson>
export type PublishedLandmark = z.output<typeof landmarkJson>

const locationJson = z.object({
  country: z.string(),
  attestation: signedJson.nullable(),
  refusal: z.object({ reason: z.string(), detail: z.string().nullable() }).nullable(),
  evidence: z.array(
    z.object({
      kind: z.string(),
      country: z.string(),
      outcome: z.string(),
      reference: z.string(),
      observedAt: time,
      expiresAt: time,
    }),
  ),
})
export type ProviderLocation = z.output<typeof locationJson>

const traderJson = z.object({
  state: z.string(),
  missing: z.array(z.object({ what: z.string(), law: z.string() })),
  suspendedFrom: time.nullable(),
  suspendedSince: time.nullable(),
  version: z.number(),
  certification: z.string(),
  declaration: z
    .object({
      telephone: z.string(),
      email: z.string(),
      register: z.object({ name: z.string(), number: z.string() }).optional(),
      certification: z.string(),
      tins: z.array(z.object({ country: z.string(), tin: z.string() })),
      person: z
        .object({
          firstName: z.string(),
          lastName: z.string(),
          birthDate: z.string(),
          birthPlace: z.string().optional(),
        })
        .optional(),
    })
    .nullable(),
  review: z.object({ outcome: z.string(), reference: z.string() }).nullable(),
})
export type TraderView = z.output<typeof traderJson>

const yearSums = { activities: z.number(), considerationCents: amount, feesCents: amount }
const sellerYearJson = z.object({
  year: z.number(),
  operator: z.string(),
  seller: z.object({
    quarters: z.array(z.object({ quarter: z.number(), ...yearSums })),
    totals: z.object(yearSums),
  }),
})
export type SellerYear = z.output<typeof sellerYearJson>

const ownersJson = z.object({
  owners: z.array(z.object({ person: z.string(), email: z.string(), linkedAt: time })),
})
/** A person who sees and manages this provider on the website. */
export type NodeOwner = z.output<typeof ownersJson>['owners'][number]

/** As settlement names them. */
export type DocumentFormat = 'pdf' | 'xml' | 'csv' | 'json'
type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'
/** Settlement gives out no longer pages. */
const PAGE_MAX = 500
const RIGHTS = '/v1/providers/self/gdpr'
/** An archive of everything takes as long as it takes to read and send it. */
const ARCHIVE_MS = 30 * 60_000

/** What settlement tells a provider of its own money; each request is signed with its node's key (RFC 9421). */
export class ProviderApi {
  readonly #options: ProviderApiOptions
  #settlement: Promise<string> | undefined

  constructor(options: ProviderApiOptions) {
    this.#options = options
  }

  /** @throws {Error} with a stable code, here and below */
  async earnings(): Promise<Earnings> {
    return await this.#json('GET', '/v1/provider/earnings', earningsJson)
  }

  /** What everybody may know. */
  async terms(): Promise<EarningsTerms> {
    const { url } = this.#options
    return readAnswer(url, termsJson, await jsonOf(await this.#fetch('GET', '/v1/terms', {})))
  }

  /** Newest first. */
  async documents(limit: number): Promise<DocumentSummary[]> {
    const found: DocumentSummary[] = []
    for (let before = ''; found.length < limit; ) {
      const page = Math.min(PAGE_MAX, limit - found.length)
      const path = `/v1/providers/self/documents?limit=${page}${before}`
      const { documents, next } = await this.#json('GET', path, documentsJson)
      found.push(...documents)
      if (next === null) break
      before = `&before=${next}`
    }
    return found
  }

  async document(number: string, format: DocumentFormat): Promise<Uint8Array> {
    const path = `/v1/providers/self/documents/${encodeURIComponent(number)}.${format}`
    const response = await this.#signed('GET', path)
    return new Uint8Array(await response.arrayBuffer())
  }

  async taxProfile(): Promise<TaxProfile> {
    return await this.#json('GET', '/v1/providers/self/tax-profile', profileJson)
  }

  async setTaxProfile(profile: Readonly<Record<string, string>>): Promise<TaxProfile> {
    const body = new TextEncoder().encode(JSON.stringify(profile))
    return await this.#json('PUT', '/v1/providers/self/tax-profile', profileJson, body)
  }

  /** Who this provider is as a trader, and what is missing. */
  async trader(): Promise<TraderView> {
    return await this.#json('GET', '/v1/providers/self/trader', traderJson)
  }

  async setTrader(declaration: object): Promise<TraderView> {
    const body = new TextEncoder().encode(JSON.stringify(declaration))
    return await this.#json('PUT', '/v1/providers/self/trader', traderJson, body)
  }

  /** What is reported of this provider to the tax office. */
  async sellerYear(year: number): Promise<SellerYear> {
    return await this.#json('GET', `/v1/providers/self/dac7/${year}`, sellerYearJson)
  }

  /** Lets a person in who has made this code; `owner` is the address that they sign in with. */
  async linkOwner(code: string, owner: string): Promise<NodeOwner[]> {
    const body = new TextEncoder().encode(JSON.stringify({ code, owner }))
    return (await this.#json('POST', '/v1/providers/self/links', ownersJson, body)).owners
  }

  async owners(): Promise<NodeOwner[]> {
    return (await this.#json('GET', '/v1/providers/self/links', ownersJson)).owners
  }

  async unlinkOwner(person: string): Promise<NodeOwner[]> {
    const path = `/v1/providers/self/links/${encodeURIComponent(person)}`
    return (await this.#json('DELETE', path, ownersJson)).owners
  }

  /** What this provider has asked about its data, newest first. */
  async rightsRequests(limit: number): Promise<RightsRequestView[]> {
    const found: RightsRequestView[] = []
    for (let before = ''; found.length < limit; ) {
      const page = Math.min(PAGE_MAX, limit - found.length)
      const path = `${RIGHTS}/requests?limit=${page}${before}`
      const { requests, next } = await this.#json('GET', path, rightsRequestsJson)
      found.push(...requests)
      if (next === null) break
      before = `&before=${encodeURIComponent(next)}`
    }
    return found
  }

  async rightsRequest(id: string): Promise<RightsDetail> {
    const path = `${RIGHTS}/requests/${encodeURIComponent(id)}`
    return await this.#json('GET', path, rightsDetailJson)
  }

  async askForRight(kind: string, note: string | undefined): Promise<RightsRequestView> {
    const body = encoded({ kind, ...(note !== undefined && { note }) })
    return await this.#json('POST', `${RIGHTS}/requests`, rightsRequestJson, body)
  }

  /** Ends a restriction. */
  async withdrawRestriction(id: string): Promise<RightsRequestView> {
    const path = `${RIGHTS}/requests/${encodeURIComponent(id)}/withdraw`
    return await this.#json('POST', path, rightsRequestJson)
  }

  async dataExports(): Promise<DataExportView[]> {
    return (await this.#json('GET', `${RIGHTS}/exports`, dataExportsJson)).exports
  }

  /** One that waits already is the answer. */
  async askForExport(): Promise<DataExportView> {
    return await this.#json('POST', `${RIGHTS}/exports`, dataExportJson)
  }

  /** The archive (`.tar.gz`) of an export, or without one, of everything as it is now. */
  async dataArchive(id: string | undefined): Promise<Response> {
    const path =
      id === undefined ? `${RIGHTS}/export` : `${RIGHTS}/exports/${encodeURIComponent(id)}/file`
    return await this.#signed('GET', path, undefined, ARCHIVE_MS)
  }

  /** For good. @param confirm this provider's peer id */
  async eraseEverything(confirm: string, giveUpBalance: boolean): Promise<ErasureView> {
    const body = encoded({ confirm, giveUpBalance })
    return await this.#json('POST', `${RIGHTS}/erase`, erasureJson, body)
  }

  /** What landmarks' measurements of this node have to be of. */
  async locationChallenge(): Promise<LocationChallenge> {
    const body = new TextEncoder().encode('{}')
    return await this.#json('POST', '/v1/attestations/challenges', challengeJson, body)
  }

  /** Shows settlement where this node is: by the address that it asks from, and by measurements. */
  async showLocation(nonce: Uint8Array, pings: readonly SignedRecord[]): Promise<ProviderLocation> {
    const measured = { nonce: base64(nonce), pings: pings.map(toSignedJson) }
    const json = pings.length === 0 ? {} : measured
    const body = new TextEncoder().encode(JSON.stringify(json))
    return await this.#json('POST', '/v1/attestations', locationJson, body)
  }

  async #json<Result>(
    method: Method,
    path: string,
    schema: z.ZodType<Result>,
    body?: Uint8Array,
  ): Promise<Result> {
    return readAnswer(
      this.#options.url,
      schema,
      await jsonOf(await this.#signed(method, path, body)),
    )
  }

  async #signed(
    method: Method,
    path: string,
    body?: Uint8Array,
    timeoutMs = REQUEST_MS,
  ): Promise<Response> {
    const { signer, network, now } = this.#options
    this.#settlement ??= this.#identity()
    const settlement = await this.#settlement
    // Behind a prefix settlement sees, and checks, the path that is left of it.
    const facts = { method, url: path, network, settlement, at: now(), ...(body && { body }) }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const headers = { ...type, ...signRequest(signer, facts) }
    return await this.#fetch(method, path, headers, body, timeoutMs)
  }

  async #identity(): Promise<string> {
    const { url, network: expected } = this.#options
    const answer = await jsonOf(await this.#fetch('GET', '/v1/identity', {}))
    const { peerId, network } = readAnswer(url, identityJson, answer)
    if (network === expected) return peerId
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `settlement is on network ${network}, and --network says ${expected}`,
    )
  }

  async #fetch(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: Uint8Array,
    timeoutMs = REQUEST_MS,
  ): Promise<Response> {
    const { url } = this.#options
    let response: Response
    try {
      response = await fetch(`${url}${path}`, {
        method,
        headers,
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: body as NonNullable<RequestInit['body']> }),
      })
    } catch (cause) {
      throw unanswered(url, cause)
    }
    if (response.ok) return response
    throw refusalForPeople(response.status, await jsonOf(response))
  }
}

/** `undefined` for what is no JSON, as of a proxy in between. */
async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    return undefined
  }
}

const encoded = (json: object): Uint8Array => new TextEncoder().encode(JSON.stringify(json))

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

const toSignedJson = ({ bytes, signatures }: SignedRecord) => ({
  bytes: base64(bytes),
  signatures: signatures.map((one) => ({ ...one, signature: base64(one.signature) })),
})
