import type { Config } from '../config/config.ts'
import { SettlementError } from '../errors.ts'
import { originOf } from './ask-service.ts'

const ANSWER_MS = 60_000

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: object
}

/**
 * Asks the service as an organization does, with the key of HANSE_SETTLEMENT_API_KEY: at its public address, where the settings
 * name one, else on this machine.
 *
 * @throws {SettlementError} what the service says; HANSE_UNAUTHENTICATED without a key
 */
export async function callApi(
  config: Config,
  { method, path, body }: ApiCall,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<unknown> {
  const key = env.HANSE_SETTLEMENT_API_KEY
  if (key === undefined || key === '')
    throw new SettlementError(
      'HANSE_UNAUTHENTICATED',
      'set HANSE_SETTLEMENT_API_KEY to a key of the organization that may manage',
    )
  const url = new URL(path, config.publicUrl ?? originOf(config))
  const response = await fetch(url, {
    method,
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_MS),
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    throw new SettlementError('HANSE_INTERNAL', `${url.origin} does not answer`, { cause })
  })
  const answer = (await response.json()) as { detail?: string }
  if (response.ok) return answer
  throw new SettlementError(
    response.status === 404 ? 'HANSE_NOT_FOUND' : 'HANSE_REQUEST_INVALID',
    `${response.status}: ${answer.detail ?? 'refused'}`,
  )
}
