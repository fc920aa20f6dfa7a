import { HanseError } from '@hanse/protocol'
import type { Sharing } from './answer-memory.ts'
import type { RequestHeaders } from './policy.ts'
import type { OpenAiRequest } from './request.ts'

/** Answers that are kept for the same request. */
export interface CacheOptions {
  /** Without a word of the client. */
  readonly byDefault: boolean
  /** When the client does not say for how long, ms. */
  readonly keepMs: number
}

/** Answers that are kept for the same idempotency key. */
export interface IdempotencyOptions {
  readonly keepMs: number
}

/** OpenRouter's. */
const CACHE_MS = 300_000
const IDEMPOTENCY_MS = 3_600_000

/** How a request may be answered from what was answered before; `undefined` when the client does not want that. */
export async function cacheSharing(
  request: OpenAiRequest,
  headers: RequestHeaders,
  caller: string,
  { byDefault, keepMs }: CacheOptions = { byDefault: false, keepMs: CACHE_MS },
): Promise<Omit<Sharing, 'signal'> | undefined> {
  const { cache, cacheMs } = request.wishes
  const control = headers.get('cache-control')?.toLowerCase() ?? ''
  if (!(cache ?? byDefault) || /\bno-store\b/u.test(control)) return undefined
  const fingerprint = await fingerprintOf(request)
  const maxAge = /\bmax-age=(\d{1,9})\b/u.exec(control)?.[1]
  const maxAgeMs = /\bno-cache\b/u.test(control)
    ? NEVER
    : maxAge === undefined
      ? Infinity
      : Number(maxAge) * 1000
  return { key: `${caller}\n${fingerprint}`, fingerprint, keepMs: cacheMs ?? keepMs, maxAgeMs }
}

/** No answer is younger. */
const NEVER = -1

/** @throws {HanseError} HANSE_IDEMPOTENCY_KEY */
export async function idempotencySharing(
  request: OpenAiRequest,
  headers: RequestHeaders,
  caller: string,
  { keepMs }: IdempotencyOptions = { keepMs: IDEMPOTENCY_MS },
): Promise<Omit<Sharing, 'signal'> | undefined> {
  const key = headers.get('idempotency-key') ?? undefined
  if (key === undefined) return undefined
  if (!/^[!-~]{1,255}$/u.test(key))
    throw new HanseError('HANSE_IDEMPOTENCY_KEY', 'idempotency-key: 1 to 255 printable characters')
  return { key: `${caller}\n${key}`, fingerprint: await fingerprintOf(request), keepMs }
}

/** Of everything that decides the answer: what was asked, byte for byte, and how it is to be served. */
async function fingerprintOf({ kind, body, policy }: OpenAiRequest): Promise<string> {
  const wishes = JSON.stringify([kind, policy], (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
  const head = new TextEncoder().encode(`${wishes}\n`)
  const bytes = new Uint8Array(head.byteLength + body.byteLength)
  bytes.set(head)
  bytes.set(body, head.byteLength)
  const digest = await crypto.subtle.digest('SHA-256', bytes)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
