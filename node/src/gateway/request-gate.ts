import { createHash, timingSafeEqual } from 'node:crypto'
import { HanseError } from '@hanse/protocol'
import type { Admission, RequestFacts } from '../openai/admission.ts'

export {
  type Admission,
  RefusedAtGate,
  type RequestEnd,
  type RequestFacts,
} from '../openai/admission.ts'

/** Who sends requests, by the key that comes with them. */
export interface Caller {
  /** Answers that are kept (by idempotency key, in the cache) are only ever given to the caller with the same id. */
  readonly id: string
  /** The owner of the node may also see sessions and openings; others see nothing but their own answers. */
  readonly owner: boolean
  /** Whether it may ask for a model, by the name that requests have for it; any when absent. */
  readonly mayUse?: (model: string) => boolean
}

/** What was asked for, before its body is read. */
export interface Knock {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** From `authorization: Bearer …`, or from `x-api-key`. */
  readonly key: string | undefined
  /** IP address that it came from: whoever guesses keys is slowed down. */
  readonly address: string
}

/** Decides who may send what. Every request passes it, but /healthz. */
export interface RequestGate {
  /**
   * Who it is, and whether that caller may use this path at all. Without I/O: it is called before each request.
   *
   * @throws {HanseError} HANSE_UNAUTHENTICATED, HANSE_KEY_EXPIRED, HANSE_FORBIDDEN; HANSE_RATE_LIMITED after many wrong keys
   */
  authenticate(knock: Knock): Caller
  /**
   * Whether this request may run now; called once its body was read and found good, before anybody is asked to answer.
   *
   * @throws {HanseError} HANSE_RATE_LIMITED, HANSE_KEY_MODEL, HANSE_BUDGET_EXHAUSTED, HANSE_CONSENT_REQUIRED; a
   *   RefusedAtGate where headers have to tell more
   */
  admit(caller: Caller, request: RequestFacts): Admission
}

/** Lets everybody in, or whoever has the one key. */
export function openGate(apiKey: string | undefined): RequestGate {
  const expected = apiKey === undefined ? undefined : digest(apiKey)
  const owner: Caller = { id: 'owner', owner: true }
  return {
    authenticate: ({ key }) => {
      if (expected !== undefined && !timingSafeEqual(digest(key ?? ''), expected))
        throw new HanseError('HANSE_UNAUTHENTICATED', 'the API key is missing or wrong')
      return owner
    },
    admit: () => ({}),
  }
}

/** Of one length, so that the comparison takes the same time for all. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
