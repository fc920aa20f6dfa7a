import {
  attestationSigners,
  encodeCanonical,
  HanseError,
  isErrorCode,
  isPeerId,
  type Named,
  openSigned,
  type PeerId,
  type PicoEuro,
  providerBinding,
  type RegionAttestation,
  regionAttestation,
  type SessionEvidence,
  type Signature,
  type SignedRecord,
  type Signer,
  type SigningContext,
  signedFields,
  signRecord,
} from '@hanse/protocol'
import { z } from 'zod'
import type { Submission } from '../store/node-store.ts'
import type { StatementSubmission } from '../store/statement-store.ts'

export interface SettlementOptions {
  /** Base URL of the settlement service. */
  readonly url: string
  /** The consumer organization's API key; providers need none. */
  readonly apiKey?: string | undefined
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
}

/** A request beyond this is taken for lost; settlement is idempotent, so another try is safe. */
const REQUEST_MS = 15_000
/** Somebody waits for a bundle, which is good without the proof too. */
const PROOF_MS = 3_000
const BINDING_VALID_MS = 10 * 60_000

const bytes64 = z.base64().transform((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)))
/** A signed record in JSON: bytes as base64. */
const signedJson = z.object({
  bytes: bytes64,
  signatures: z.array(z.object({ signer: z.string(), role: z.string(), signature: bytes64 })),
})
const logKeyJson = z.object({ key: signedJson })
const identityJson = z.object({ peerId: z.string().refine(isPeerId), network: z.string() })
const accountJson = z.object({
  payable: z.boolean(),
  onboardingUrl: z.string().nullish(),
  attestation: signedJson.nullish(),
})
const authorizationJson = z.object({ authorization: signedJson })
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
const problemJson = z.object({
  code: z.string(),
  detail: z.string().optional(),
  title: z.string().optional(),
})

/** The HTTP API of a settlement service, as nodes use it. Every fault is a HanseError. */
export class SettlementClient {
  readonly #options: SettlementOptions

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
    const { authorization } = await ask().catch((error: unknown) => {
      if (error instanceof HanseError && error.code === 'HANSE_SETTLEMENT_UNAVAILABLE') return ask()
      throw error
    })
    return toSigned(authorization)
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
    return this.#account(account)
  }

  /** @throws {HanseError} */
  async providerAccount(): Promise<ProviderAccount> {
    const path = `/v1/providers/${this.#options.signer.peerId}`
    return this.#account(await this.#call('GET', path, accountJson))
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
      throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', `settlement at ${url} did not answer`, {
        cause,
      })
    }
  }

  #account({ payable, onboardingUrl, attestation }: z.output<typeof accountJson>): ProviderAccount {
    const { context, signer } = this.#options
    const opened =
      attestation === null || attestation === undefined
        ? undefined
        : openSigned(context, regionAttestation, toSigned(attestation), attestationSigners)
    if (opened !== undefined && opened.value.subject !== signer.peerId) {
      throw new HanseError('HANSE_SIGNATURE_INVALID', 'settlement attested another node')
    }
    return { payable, onboardingUrl: onboardingUrl ?? undefined, attestation: opened }
  }

  async #call<Result>(
    method: 'GET' | 'POST',
    path: string,
    schema: z.ZodType<Result>,
    body?: { type: string; bytes: string | Uint8Array; idempotencyKey?: string },
  ): Promise<Result> {
    const { url, apiKey } = this.#options
    let response: Response
    let answer: unknown
    try {
      response = await fetch(`${url}${path}`, {
        method,
        signal: AbortSignal.timeout(REQUEST_MS),
        headers: {
          ...(body === undefined ? {} : { 'content-type': body.type }),
          ...(body?.idempotencyKey === undefined ? {} : { 'idempotency-key': body.idempotencyKey }),
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        ...(body === undefined ? {} : { body: body.bytes as NonNullable<RequestInit['body']> }),
      })
      answer = await response.json()
    } catch (cause) {
      throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', `settlement at ${url} did not answer`, {
        cause,
      })
    }
    if (!response.ok) throw refusal(response.status, answer)
    const result = schema.safeParse(answer)
    if (!result.success) {
      throw new HanseError(
        'HANSE_SETTLEMENT_UNAVAILABLE',
        `settlement at ${url} answered in another language`,
      )
    }
    return result.data
  }
}

function refusal(status: number, answer: unknown): HanseError {
  const problem = problemJson.safeParse(answer)
  const code = problem.success ? problem.data.code : undefined
  const detail = problem.success ? (problem.data.detail ?? problem.data.title) : undefined
  if (isErrorCode(code) && status < 500) return new HanseError(code, detail ?? code)
  return new HanseError(
    'HANSE_SETTLEMENT_UNAVAILABLE',
    `settlement answered ${status}: ${detail ?? 'no reason given'}`,
  )
}

/** Whether it verifies is for `openSigned` to say. */
function toSigned(json: z.output<typeof signedJson>): SignedRecord {
  return { bytes: json.bytes, signatures: json.signatures as unknown as Signature[] }
}
