import {
  attestationSigners,
  encodeCanonical,
  encodeSessionNotes,
  HanseError,
  isPeerId,
  type Named,
  openSigned,
  type PeerId,
  type PicoEuro,
  providerBinding,
  type RegionAttestation,
  regionAttestation,
  type SessionEvidence,
  type SessionNote,
  type SignedRecord,
  type Signer,
  type SigningContext,
  signedFields,
  signRecord,
  signRequest,
} from '@hanse/protocol'
import { z } from 'zod'
import type { Submission } from '../store/node-store.ts'
import type { StatementSubmission } from '../store/statement-store.ts'
import {
  REQUEST_MS,
  readAnswer,
  refusal,
  signedJson,
  toSigned,
  unanswered,
} from './settlement-http.ts'

export interface SettlementOptions {
  /** Base URL of the settlement service. */
  readonly url: string
  /** The consumer organization's API key; providers need none. */
  readonly apiKey?: string | undefined
  /** In a page, instead of a key: whoever is signed in there, by the cookie of their session. */
  readonly session?: boolean | undefined
  /** Of those that they belong to; the only one when left out. */
  readonly organization?: string | undefined
  readonly context: SigningContext
  readonly signer: Signer
  readonly now: () => number
}

export type SubmissionResult =
  | { readonly status: 'booked' | 'duplicate' | 'superseded' }
  | { readonly status: 'rejected'; readonly code: string }

export type StatementResult =
  | {
      readonly status: 'booked' | 'duplicate'
      /** Sessions of it that were not booked, each with the code. */
      readonly refused: readonly { readonly session: string; readonly code: string }[]
    }
  | { readonly status: 'rejected'; readonly code: string }

export interface ProviderAccount {
  /** Whether Stripe would pay this provider today. */
  readonly payable: boolean
  /** Where the provider's owner finishes onboarding. */
  readonly onboardingUrl: string | undefined
  readonly attestation: (Named<RegionAttestation> & SignedRecord) | undefined
  /** What this service keeps of what the provider's consumers pay, by the provider's contract; basis points. */
  readonly feeBps: number
}

/** As settlement reads it: which organization a person acts for. */
const ORGANIZATION_HEADER = 'hanse-organization'
/** Somebody waits for a bundle, which is good without the proof too. */
const PROOF_MS = 3_000
const BINDING_VALID_MS = 10 * 60_000

const logKeyJson = z.object({ key: signedJson })
const identityJson = z.object({ peerId: z.string().refine(isPeerId), network: z.string() })
const feeBps = z.int().min(0).max(10_000)
const accountJson = z.object({
  payable: z.boolean(),
  onboardingUrl: z.string().nullish(),
  attestation: signedJson.nullish(),
  /** Not told by an earlier release. */
  feeBps: feeBps.optional(),
})
const termsJson = z.object({ feeBps })
const authorizationJson = z.object({ authorization: signedJson })
const organizationJson = z.object({ organization: z.string() })
const resultsJson = z.object({
  results: z.array(
    z.union([
      z.object({ status: z.enum(['booked', 'duplicate', 'superseded']) }),
      z.object({ status: z.literal('rejected'), code: z.string() }),
    ]),
  ),
})
const statementsJson = z.object({
  results: z.array(
    z.union([
      z.object({
        status: z.enum(['booked', 'duplicate']),
        refused: z.array(z.object({ session: z.string(), code: z.string() })),
      }),
      z.object({ status: z.literal('rejected'), code: z.string() }),
    ]),
  ),
})
const notedJson = z.object({ noted: z.array(z.string()) })
const deletionsJson = z.object({ requests: z.array(signedJson), next: z.string().nullable() })
const confirmedJson = z.object({ state: z.string() })
const revokedJson = z.object({ list: signedJson, more: z.boolean() })
/** Of what a release came to, settlement's books tell the rest. */
const releasedJson = z.object({ closedAt: z.number().nullable() })

/** The HTTP API of a settlement service, as nodes use it. Every fault is a HanseError. */
export class SettlementClient {
  readonly #options: SettlementOptions
  /** Whom notes are signed for; asked for once. */
  #identity: PeerId | undefined

  constructor(options: SettlementOptions) {
    this.#options = options
  }

  /** Whose signature is on this service's authorizations and attestations. @throws {HanseError} */
  async identity(): Promise<PeerId> {
    const { peerId, network } = await this.#call('GET', '/v1/identity', identityJson)
    const expected = this.#options.context.network
    if (network !== expected) {
      throw new HanseError(
        'HANSE_CONFIG_INVALID',
        `settlement is on network ${network}, this node on ${expected}`,
      )
    }
    return peerId as PeerId
  }

  /** @throws {HanseError} HANSE_BALANCE_INSUFFICIENT and other refusals, HANSE_SETTLEMENT_UNAVAILABLE */
  async requestAuthorization(provider: string, amount: PicoEuro): Promise<SignedRecord> {
    const consumer = this.#options.signer.peerId
    const body = {
      type: 'application/json',
      bytes: JSON.stringify({ consumer, provider, amount: amount.toString() }),
      // A second try finds the hold of the first, whose answer may have been lost.
      idempotencyKey: crypto.randomUUID(),
    }
    const ask = () => this.#call('POST', '/v1/authorizations', authorizationJson, body)
    const { authorization } = await ask().catch(async (error: unknown) => {
      const code = error instanceof HanseError ? error.code : undefined
      // The first time that this node spends with this key.
      if (code === 'HANSE_CONSUMER_UNKNOWN') await this.#bindConsumer()
      else if (code !== 'HANSE_SETTLEMENT_UNAVAILABLE') throw error
      return ask()
    })
    return toSigned(authorization)
  }

  /** Lets this node spend its organization's money: the organization says so with the key, the node with its signature. */
  async #bindConsumer(): Promise<void> {
    const { organization } = await this.#call('GET', '/v1/balance', organizationJson)
    const url = '/v1/consumers'
    const bytes = JSON.stringify({ organization })
    const headers = this.#signed(url, new TextEncoder().encode(bytes), await this.identity())
    await this.#call('POST', url, organizationJson, { type: 'application/json', bytes, headers })
  }

  /** That this node sends it, to this service and no other. */
  #signed(url: string, body: Uint8Array, settlement: PeerId): Record<string, string> {
    const { context, signer, now } = this.#options
    const { network } = context
    return signRequest(signer, { method: 'POST', url, body, network, settlement, at: now() })
  }

  /**
   * Tells whom sessions of this node were for and how long they took; telling it again changes nothing.
   *
   * @throws {HanseError} when settlement could not be asked, or does not take them
   */
  async submitNotes(notes: readonly SessionNote[]): Promise<void> {
    const url = '/v1/session-notes'
    const bytes = encodeSessionNotes(notes)
    try {
      this.#identity ??= await this.identity()
      const headers = this.#signed(url, bytes, this.#identity)
      await this.#call('POST', url, notedJson, { type: 'application/cbor', bytes, headers })
    } catch (error) {
      // It may be another service by now.
      this.#identity = undefined
      throw error
    }
  }

  /** Binds this node to a payout account in `country`, or finds the account it is bound to. @throws {HanseError} */
  async bindProvider(country: string, settlement: PeerId): Promise<ProviderAccount> {
    const { context, signer, now } = this.#options
    const value = {
      provider: signer.peerId,
      settlement,
      country,
      issuedAt: now(),
      notAfter: now() + BINDING_VALID_MS,
    }
    const binding = signRecord(context, providerBinding, value, 'provider', signer)
    const account = await this.#call('POST', '/v1/providers', accountJson, {
      type: 'application/cbor',
      bytes: encodeCanonical(signedFields(binding)),
    })
    return await this.#account(account)
  }

  /** @throws {HanseError} */
  async providerAccount(): Promise<ProviderAccount> {
    const path = `/v1/providers/${this.#options.signer.peerId}`
    return await this.#account(await this.#call('GET', path, accountJson))
  }

  /**
   * Revocations after the number `since`, as settlement has signed them; whether they are what was asked for is for the
   * reader to say.
   *
   * @throws {HanseError} when settlement could not be asked
   */
  async revokedSince(since: bigint): Promise<{ list: SignedRecord; more: boolean }> {
    const path = `/v1/authorizations/revoked?since=${since}`
    const { list, more } = await this.#call('GET', path, revokedJson)
    return { list: toSigned(list), more }
  }

  /** The same of attestations, as the attestor has signed them. @throws {HanseError} */
  async revokedAttestationsSince(since: bigint): Promise<{ list: SignedRecord; more: boolean }> {
    const path = `/v1/attestations/revoked?since=${since}`
    const { list, more } = await this.#call('GET', path, revokedJson)
    return { list: toSigned(list), more }
  }

  /**
   * Hands in this provider's word that it will claim no more under an authorization; telling it again changes nothing.
   *
   * @returns whether the authorization is closed by it
   * @throws {HanseError} its refusals; HANSE_SETTLEMENT_UNAVAILABLE
   */
  async release(signed: SignedRecord): Promise<boolean> {
    const { closedAt } = await this.#call('POST', '/v1/providers/self/releases', releasedJson, {
      type: 'application/cbor',
      bytes: encodeCanonical(signedFields(signed)),
    })
    return closedAt !== null
  }

  /**
   * What settlement asks this node to erase and has no answer to; whether it is settlement's is for the reader to say.
   *
   * @param after the `next` of the page before
   * @throws {HanseError} when settlement could not be asked
   */
  async deletionsAfter(after: string): Promise<{ requests: SignedRecord[]; next: string | null }> {
    const url = `/v1/gdpr/deletions?after=${after}`
    const { context, signer, now } = this.#options
    this.#identity ??= await this.identity()
    const facts = { network: context.network, settlement: this.#identity, at: now() }
    const headers = signRequest(signer, { method: 'GET', url, ...facts })
    const { requests, next } = await this.#call('GET', url, deletionsJson, undefined, headers)
    return { requests: requests.map(toSigned), next }
  }

  /** Hands in what this node says it has erased; telling it again changes nothing. @throws {HanseError} */
  async confirmDeletion(signed: SignedRecord): Promise<void> {
    await this.#call('POST', '/v1/gdpr/deletions/confirmations', confirmedJson, {
      type: 'application/json',
      bytes: JSON.stringify({
        bytes: base64(signed.bytes),
        signatures: signed.signatures.map((one) => ({ ...one, signature: base64(one.signature) })),
      }),
    })
  }

  /** One result for each submission, in order. @throws {HanseError} when settlement could not be asked */
  async submit(submissions: readonly Submission[]): Promise<SubmissionResult[]> {
    const items = submissions.map(({ order, acceptance, authorization, attestation, receipt }) => ({
      order: signedFields(order),
      acceptance: signedFields(acceptance),
      authorization: authorization === null ? null : signedFields(authorization),
      attestation: attestation === null ? null : signedFields(attestation),
      receipt: signedFields(receipt),
    }))
    const { results } = await this.#call('POST', '/v1/receipts', resultsJson, {
      type: 'application/cbor',
      bytes: encodeCanonical({ items }),
    })
    if (results.length !== submissions.length) {
      throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', 'settlement answered for another batch')
    }
    return results
  }

  /** One result for each statement, in order. @throws {HanseError} when settlement could not be asked */
  async submitStatements(statements: readonly StatementSubmission[]): Promise<StatementResult[]> {
    const items = statements.map(({ statement, lines }) => ({
      statement: signedFields(statement),
      lines,
    }))
    const { results } = await this.#call('POST', '/v1/statements', statementsJson, {
      type: 'application/cbor',
      bytes: encodeCanonical({ items }),
    })
    if (results.length !== statements.length) {
      throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', 'settlement answered for another batch')
    }
    return results
  }

  /**
   * What proves, offline, that settlement has logged a session.
   *
   * @param since the size of a checkpoint that the reader remembers: the proof then leads from it
   * @returns undefined while it is not in the log
   * @throws {HanseError} when settlement could not be asked
   */
  async settlementProof(
    session: string,
    since?: bigint,
  ): Promise<NonNullable<SessionEvidence['settlement']> | undefined> {
    const query = since === undefined ? '' : `?since=${since}`
    const [{ key }, proof] = await Promise.all([
      this.#call('GET', '/v1/log/key', logKeyJson),
      this.#bytes(`/v1/log/proof/${session}${query}`),
    ])
    return proof === undefined ? undefined : { key: toSigned(key), proof }
  }

  /** @returns undefined when it is not there */
  async #bytes(path: string): Promise<Uint8Array | undefined> {
    const { url } = this.#options
    try {
      const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(PROOF_MS) })
      if (response.status === 404) return undefined
      if (!response.ok) throw refusal(response.status, await response.json())
      return new Uint8Array(await response.arrayBuffer())
    } catch (cause) {
      if (cause instanceof HanseError) throw cause
      throw unanswered(url, cause)
    }
  }

  async #account(account: z.output<typeof accountJson>): Promise<ProviderAccount> {
    const { context, signer } = this.#options
    const { payable, onboardingUrl, attestation } = account
    const opened =
      attestation === null || attestation === undefined
        ? undefined
        : openSigned(context, regionAttestation, toSigned(attestation), attestationSigners)
    if (opened !== undefined && opened.value.subject !== signer.peerId) {
      throw new HanseError('HANSE_SIGNATURE_INVALID', 'settlement attested another node')
    }
    // What new contracts get is the best that is known where the own one is not told.
    const { feeBps } =
      account.feeBps === undefined ? await this.#terms() : { feeBps: account.feeBps }
    return { payable, onboardingUrl: onboardingUrl ?? undefined, attestation: opened, feeBps }
  }

  async #terms(): Promise<z.output<typeof termsJson>> {
    return await this.#call('GET', '/v1/terms', termsJson)
  }

  async #call<Result>(
    method: 'GET' | 'POST',
    path: string,
    schema: z.ZodType<Result>,
    body?: {
      type: string
      bytes: string | Uint8Array
      idempotencyKey?: string
      headers?: Readonly<Record<string, string>>
    },
    signed?: Readonly<Record<string, string>>,
  ): Promise<Result> {
    const { url, apiKey, session, organization } = this.#options
    let response: Response
    let answer: unknown
    try {
      response = await fetch(`${url}${path}`, {
        method,
        ...(session === true && { credentials: 'include' }),
        signal: AbortSignal.timeout(REQUEST_MS),
        headers: {
          ...(body === undefined ? {} : { 'content-type': body.type }),
          ...(body?.idempotencyKey === undefined ? {} : { 'idempotency-key': body.idempotencyKey }),
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
          ...(organization === undefined ? {} : { [ORGANIZATION_HEADER]: organization }),
          ...body?.headers,
          ...signed,
        },
        ...(body === undefined ? {} : { body: body.bytes as NonNullable<RequestInit['body']> }),
      })
      answer = await response.json()
    } catch (cause) {
      throw unanswered(url, cause)
    }
    if (!response.ok) throw refusal(response.status, answer)
    return readAnswer(url, schema, answer)
  }
}

/** Browsers have no `Buffer`. */
const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))
