import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { isProven } from '../api/identity-proof.ts'
import type { Config, Secrets } from '../config/config.ts'
import { SettlementError } from '../errors.ts'
import { hasSigner, loadSecret, loadSigner } from '../secrets.ts'

/** A payout run or a backup may take minutes. */
const ANSWER_MS = 600_000
/** Who listens says at once who it is. */
const IDENTITY_MS = 10_000
const NONCE_BYTES = 32

export type AskMethod = 'GET' | 'POST' | 'PUT' | 'DELETE'

/**
 * Asks the service that listens under these settings, once it has proven that it has this folder's key: whoever else
 * listens there is not given the operator's token.
 *
 * @returns `undefined` where nobody listens
 * @throws {SettlementError} HANSE_CONFIG_INVALID when it is not the service, HANSE_INTERNAL when it does not do it
 */
export async function askService(
  config: Config,
  secrets: Secrets,
  {
    method,
    path,
    body,
  }: { readonly method: AskMethod; readonly path: string; readonly body?: object },
): Promise<unknown> {
  if (config.port === 0) return undefined
  const origin = originOf(config)
  if (!(await isOurs(config, origin))) return undefined
  const token = secrets.operatorToken ?? loadSecret(config.dataDir, 'operator.token')
  const url = `${origin}${path}`
  const response = await send(url, ANSWER_MS, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (response === undefined) return undefined
  if (!response.ok) {
    throw new SettlementError(
      'HANSE_INTERNAL',
      `${url}: ${response.status} ${await response.text()}`,
    )
  }
  return response.json()
}

/** Where a service that listens on every address is asked: on this machine. */
export function originOf({ host, port }: Pick<Config, 'host' | 'port'>): string {
  const asked = { '::': '::1', '0.0.0.0': '127.0.0.1' }[host] ?? host
  return `http://${asked.includes(':') ? `[${asked}]` : asked}:${port}`
}

const identity = z.object({ peerId: z.string(), proof: z.string() })

/** False where nobody listens. */
async function isOurs({ dataDir, network, port }: Config, origin: string): Promise<boolean> {
  const nonce = randomBytes(NONCE_BYTES).toString('base64url')
  const response = await send(`${origin}/v1/identity?nonce=${nonce}`, IDENTITY_MS, {})
  if (response === undefined) return false
  const answer = identity.safeParse(await response.json().catch(() => undefined))
  if (!hasSigner(dataDir)) {
    throw stranger(origin, `data-dir: ${dataDir} has no settlement.key to know it by`)
  }
  const { peerId } = loadSigner(dataDir)
  const isProof = answer.success && isProven(peerId, { network, port, nonce }, answer.data.proof)
  if (!isProof) {
    throw stranger(origin, `it does not prove that it is ${peerId} of ${network} on port ${port}`)
  }
  return true
}

/** @returns `undefined` where nobody listens: every other failure may be of a service that has the books open. */
async function send(
  url: string,
  timeoutMs: number,
  init: RequestInit,
): Promise<Response | undefined> {
  try {
    return await fetch(url, {
      ...init,
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (cause) {
    if (isNobody(cause)) return undefined
    throw new SettlementError('HANSE_INTERNAL', `${url}: no answer`, { cause })
  }
}

/** Each address that a name has refused the connection. */
function isNobody(error: unknown): boolean {
  const cause = error instanceof TypeError ? error.cause : undefined
  const faults = cause instanceof AggregateError ? cause.errors : [cause]
  return faults.every((fault) => (fault as { code?: unknown } | undefined)?.code === 'ECONNREFUSED')
}

const stranger = (origin: string, why: string) =>
  new SettlementError(
    'HANSE_CONFIG_INVALID',
    `${origin} is not asked, for the operator’s token is for the service alone: ${why}`,
  )
