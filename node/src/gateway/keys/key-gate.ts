import { createHash, timingSafeEqual } from 'node:crypto'
import { HanseError } from '@hanse/protocol'
import { narrowed } from '../../consumer/narrow-policy.ts'
import { OWNER } from '../../store/spend-store.ts'
import type {
  Asker,
  OrganizationRules,
  RuledAdmission,
} from '../organization/organization-rules.ts'
import {
  type Admission,
  type Caller,
  type Knock,
  RefusedAtGate,
  type RequestFacts,
  type RequestGate,
} from '../request-gate.ts'
import type { Anonymous } from './anonymous.ts'
import { isSecret, type KeyBook, type VirtualKey } from './key-book.ts'
import { allowsModel, TAGS_MAX } from './key-terms.ts'
import { RateLimit } from './rate-limit.ts'
import type { SpendLedger } from './spend-ledger.ts'
import { WrongKeys } from './wrong-keys.ts'

export interface KeyGateOptions {
  readonly book: KeyBook
  readonly ledger: SpendLedger
  /** What the organization rules besides. */
  readonly organization?: OrganizationRules | undefined
  /** The owner’s own key. */
  readonly masterKey: string | undefined
  readonly anonymous: Anonymous
  /** Output tokens of an answer that costs a budget, where neither the request nor the key says. */
  readonly defaultMaxTokens: number
  /** The key that a session was on. */
  readonly keyOf: (session: string) => string | undefined
  /** @throws {HanseError} HANSE_CONSENT_REQUIRED when nothing may be processed */
  readonly requireBasis: () => void
  readonly now: () => number
}

/** Where a key may go besides the API of the models. */
const OPEN_PATHS = /^\/(?:$|v1\/|api\/|log\/|hanse\/v1\/(?:offers|spend|generation)$)/u
/** Where it may go for sessions of its own. */
const OWN_PATHS = /^\/hanse\/v1\/(?:bundles|sessions)\/([a-z0-9]{1,128})$/u
/** Of English, in UTF-8. */
const BYTES_PER_TOKEN = 4
/** What an answer may have that says nothing of its length; corrected when it has ended. */
const OUTPUT_TOKENS_GUESS = 256

/** What the gate remembers of a key while it runs. */
interface Known {
  readonly key: VirtualKey
  readonly caller: Caller
  readonly rate: RateLimit
}

/** Lets in the owner, and whoever has a key, within what the key allows. */
export class KeyGate implements RequestGate {
  readonly #options: KeyGateOptions
  readonly #master: Buffer | undefined
  readonly #owner: Caller = { id: OWNER, owner: true }
  readonly #known = new Map<string, Known>()
  readonly #wrong = new WrongKeys()
  /** Requests that run, and whose. */
  readonly #running = new Map<AbortController, string>()

  constructor(options: KeyGateOptions) {
    const { book, masterKey } = options
    this.#options = options
    this.#master = masterKey === undefined ? undefined : digestOf(masterKey)
    for (const key of book.list()) this.keyChanged(key)
  }

  /** What a key may has changed; the requests of one that is revoked or switched off end. */
  keyChanged(key: VirtualKey): void {
    const { id, terms, revokedAt } = key
    this.#options.ledger.setBudget(id, { limit: terms.budget, period: terms.period })
    if (revokedAt !== undefined) {
      this.#known.delete(id)
      this.#stop(new HanseError('HANSE_UNAUTHENTICATED', 'the key was revoked'), id)
      return
    }
    if (terms.disabled) this.#stop(isOff(key), id)
    const before = this.#known.get(id)
    const now = this.#options.now()
    before?.rate.change(terms, now)
    this.#known.set(id, {
      key,
      caller: { id, owner: false, mayUse: (model) => allowsModel(terms, model) },
      rate: before?.rate ?? new RateLimit(terms, now),
    })
  }

  /** Ends every request that runs. */
  stopAll(fault: HanseError): void {
    this.#stop(fault)
  }

  authenticate({ path, key: secret, address }: Knock): Caller {
    const key = secret === undefined ? undefined : this.#options.book.withSecret(secret)
    if (key === undefined) return this.#authenticateOwner(secret, address)
    this.#checkAlive(key)
    this.#checkPath(key, path)
    const known = this.#known.get(key.id)
    if (known === undefined) throw new Error(`the gate does not know ${key.id}`)
    return known.caller
  }

  admit(caller: Caller, request: RequestFacts): Admission {
    this.#options.requireBasis()
    if (caller.owner) return this.#admitOwner(request)
    const known = this.#known.get(caller.id)
    if (known === undefined) throw new HanseError('HANSE_UNAUTHENTICATED', 'the key was revoked')
    return this.#admitKey(known, request)
  }

  #authenticateOwner(secret: string | undefined, address: string): Caller {
    const { anonymous, book } = this.#options
    // What was once a key must not open the door that stands open for none.
    const wasKey = secret !== undefined && isSecret(secret)
    const isOpen = anonymous === 'on' || (anonymous === 'auto' && !book.isUsed)
    if (this.#master === undefined && isOpen && !wasKey) return this.#owner
    if (secret !== undefined && this.#isMaster(secret, address)) return this.#owner
    throw new HanseError(
      'HANSE_UNAUTHENTICATED',
      secret !== undefined
        ? 'the API key is wrong, or no longer counts'
        : this.#master === undefined
          ? 'this gateway has keys, and the request came without one (its owner may use HANSE_API_KEY, or --anonymous on)'
          : 'the API key is missing',
    )
  }

  /** Nobody finds a key of ours by guessing, but the owner's may be a word: an address has only so many tries. */
  #isMaster(secret: string, address: string): boolean {
    if (this.#master === undefined) return false
    const isRight = timingSafeEqual(digestOf(secret), this.#master)
    // Some program’s key of old must not lock out its owner, who may be at the same address.
    if (isSecret(secret)) return isRight
    const now = this.#options.now()
    const wait = this.#wrong.wait(address, now)
    if (wait > 0)
      throw new HanseError('HANSE_RATE_LIMITED', 'too many wrong keys came from this address', {
        retryAfterMs: wait,
      })
    if (!isRight) this.#wrong.count(address, now)
    return isRight
  }

  #checkAlive(key: VirtualKey): void {
    const { name, revokedAt, terms } = key
    if (revokedAt !== undefined)
      throw new HanseError('HANSE_UNAUTHENTICATED', `the key ${name} was revoked`)
    if (terms.disabled) throw isOff(key)
    if (terms.expiresAt !== null && this.#options.now() >= terms.expiresAt)
      throw new HanseError(
        'HANSE_KEY_EXPIRED',
        `the key ${name} ended at ${new Date(terms.expiresAt).toISOString()}`,
      )
  }

  #checkPath({ id, name }: VirtualKey, path: string): void {
    if (OPEN_PATHS.test(path)) return
    const session = OWN_PATHS.exec(path)?.[1]
    if (session !== undefined && this.#options.keyOf(session) === id) return
    throw new HanseError('HANSE_FORBIDDEN', `the key ${name} may not use ${path.slice(0, 200)}`)
  }

  #admitOwner(request: RequestFacts): Admission {
    const { ledger, organization } = this.#options
    const asker = { id: OWNER, name: OWNER, tags: request.tags }
    const ruled = organization?.admit(asker, request)
    const isCounted = ledger.nodeState() !== undefined || organization?.isAny === true
    const most = least(isCounted ? this.#mostTokens(request, null) : undefined, ruled)
    const account = ledger.account({
      key: OWNER,
      name: OWNER,
      tags: request.tags,
      user: request.user,
      limitedBy: wordsOf(request, most),
    })
    const { controller, end } = this.#run(OWNER)
    return {
      account,
      ...(ruled && { limits: ruled.limits }),
      ...(most === undefined ? {} : { maxOutputTokens: most }),
      signal: controller.signal,
      onEnd: () => {
        end()
        ruled?.end()
      },
    }
  }

  #admitKey({ key, rate }: Known, request: RequestFacts): Admission {
    const { ledger, book, now, organization } = this.#options
    const { id, name, terms } = key
    const tags = [...new Set([...terms.tags, ...request.tags])].slice(0, TAGS_MAX)
    this.#checkAlive(key)
    for (const model of [request.model, ...request.fallbackModels])
      if (!allowsModel(terms, model))
        throw new HanseError(
          'HANSE_KEY_MODEL',
          `the key ${name} may use ${terms.models.join(', ')}, and not ${model.slice(0, 128)}`,
        )
    book.used(id)
    const guess = guessTokens(request)
    const refused = rate.enter(guess, now())
    const headers = rate.headers(now())
    if (refused !== undefined)
      throw new RefusedAtGate('HANSE_RATE_LIMITED', `the key ${name} has ${refused.what}`, {
        headers,
        retryAfterMs: refused.retryAfterMs,
      })
    const ruled = this.#ruled({ id, name, tags }, request, () => rate.leave(guess, 0, now()))
    const isCounted =
      terms.budget !== null || ledger.nodeState() !== undefined || organization?.isAny === true
    const own =
      isCounted || terms.maxOutputTokens !== null
        ? this.#mostTokens(request, terms.maxOutputTokens)
        : undefined
    const most = least(own, ruled)
    const { controller, end } = this.#run(id)
    return {
      account: ledger.account({
        key: id,
        name,
        tags,
        user: request.user,
        limitedBy: wordsOf(request, most),
      }),
      limits: ruled === undefined ? limitsOf(key) : narrowed(limitsOf(key) ?? {}, ruled.limits),
      ...(most === undefined ? {} : { maxOutputTokens: most }),
      headers,
      signal: controller.signal,
      onEnd: ({ replayed, inputTokens, outputTokens }) => {
        end()
        ruled?.end()
        rate.leave(guess, replayed ? 0 : inputTokens + outputTokens, now())
      },
    }
  }

  /** What the organization says to it; whoever it refuses has taken nothing of the key's rates. */
  #ruled(asker: Asker, request: RequestFacts, giveBack: () => void): RuledAdmission | undefined {
    try {
      return this.#options.organization?.admit(asker, request)
    } catch (error) {
      giveBack()
      throw error
    }
  }

  /** Of one answer: the key’s own most, or a usual one where nobody says, for all of it is reserved. */
  #mostTokens({ maxOutputTokens }: RequestFacts, ofKey: number | null): number | undefined {
    if (ofKey !== null) return ofKey
    return maxOutputTokens === undefined ? this.#options.defaultMaxTokens : undefined
  }

  #run(id: string): { controller: AbortController; end: () => void } {
    const controller = new AbortController()
    this.#running.set(controller, id)
    return { controller, end: () => void this.#running.delete(controller) }
  }

  #stop(fault: HanseError, only?: string): void {
    for (const [controller, id] of this.#running)
      if (only === undefined || id === only) controller.abort(fault)
  }
}

/** The policy's limit counts also where nothing else does. */
function least(most: number | undefined, ruled: RuledAdmission | undefined): number | undefined {
  const limits = [most, ruled?.maxOutputTokens].filter((limit) => limit !== undefined)
  return limits.length === 0 ? undefined : Math.min(...limits)
}

function isOff({ name }: VirtualKey): HanseError {
  return new HanseError('HANSE_FORBIDDEN', `the key ${name} is switched off`)
}

function limitsOf({ terms }: VirtualKey): Admission['limits'] {
  const { regions, maxInputPrice, maxOutputPrice } = terms
  return {
    ...(regions.length === 0 ? {} : { regions: [...regions] }),
    ...(maxInputPrice === null ? {} : { maxInputPrice }),
    ...(maxOutputPrice === null ? {} : { maxOutputPrice }),
  }
}

function guessTokens({ bodyBytes, maxOutputTokens }: RequestFacts): number {
  return Math.ceil(bodyBytes / BYTES_PER_TOKEN) + (maxOutputTokens ?? OUTPUT_TOKENS_GUESS)
}

function wordsOf({ maxOutputTokens }: RequestFacts, most: number | undefined): string {
  if (maxOutputTokens !== undefined && (most === undefined || maxOutputTokens <= most))
    return `max_tokens ${maxOutputTokens}`
  const counts = most === undefined ? 'the model’s longest answer counts' : `${most} tokens count`
  return maxOutputTokens === undefined
    ? `max_tokens was not given, so ${counts}`
    : `of max_tokens ${maxOutputTokens}, ${counts}`
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
