import { ERRORS, HanseError, isErrorCode } from '@hanse/protocol'
import type { z } from 'zod'

export interface GatewayAccess {
  readonly gatewayUrl: string
  readonly apiKey: string | undefined
}

export interface GatewayRequest {
  readonly method?: string
  readonly body?: string
  readonly signal?: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Asks a running gateway.
 *
 * @throws {HanseError} what the gateway says; HANSE_GATEWAY_UNREACHABLE; HANSE_SESSION_CANCELLED after the signal
 */
export async function askGateway(
  { gatewayUrl, apiKey }: GatewayAccess,
  path: string,
  init: GatewayRequest = {},
): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`${gatewayUrl}${path}`, {
      ...init,
      headers: {
        ...init.headers,
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
    })
  } catch (cause) {
    if (init.signal?.aborted === true)
      throw new HanseError('HANSE_SESSION_CANCELLED', 'cancelled', { cause })
    throw new HanseError('HANSE_GATEWAY_UNREACHABLE', `no gateway answers at ${gatewayUrl}`, {
      cause,
    })
  }
  if (response.ok) return response
  throw await refusalOf(response)
}

/** The same, for what is JSON of this shape. @throws {HanseError} also HANSE_GATEWAY_UNREACHABLE for another program there */
export async function askGatewayJson<Schema extends z.ZodType>(
  access: GatewayAccess,
  path: string,
  schema: Schema,
  init: GatewayRequest = {},
): Promise<z.output<Schema>> {
  const response = await askGateway(access, path, init)
  try {
    return schema.parse(await response.json())
  } catch (cause) {
    throw new HanseError(
      'HANSE_GATEWAY_UNREACHABLE',
      `what answers at ${access.gatewayUrl}${path} is no gateway of this version`,
      { cause },
    )
  }
}

/** What a gateway says went wrong, in the error object of its answer or of a stream. */
export interface ToldError {
  readonly code?: unknown
  readonly message?: string | undefined
}

export function faultTold({ code: given, message }: ToldError, retryAfterMs?: number): HanseError {
  const code = isErrorCode(given) ? given : 'HANSE_INTERNAL'
  const told = message ?? 'the gateway does not say what went wrong'
  const options = retryAfterMs === undefined ? {} : { retryAfterMs }
  return new HanseError(code, withoutAdvice(told, ERRORS[code].advice), options)
}

async function refusalOf(response: Response): Promise<HanseError> {
  const { error } = (await response.json().catch(() => ({}))) as { error?: ToldError }
  if (typeof error?.message !== 'string')
    return new HanseError(
      'HANSE_GATEWAY_UNREACHABLE',
      `what answers at ${response.url} is no gateway: ${response.status}`,
    )
  const wait = Number(response.headers.get('retry-after-ms') ?? Number.NaN)
  return faultTold(error, Number.isFinite(wait) ? wait : undefined)
}

/** The gateway ends its messages in what to do, which the command line says on a line of its own. */
function withoutAdvice(message: string, advice: string): string {
  const end = ` ${advice}`
  return message.endsWith(end) ? message.slice(0, -end.length).replace(/\.$/u, '') : message
}
