import { HanseError, isErrorCode } from '@hanse/protocol'

export interface GatewayAccess {
  readonly gatewayUrl: string
  readonly apiKey: string | undefined
}

/** Asks a running gateway. @throws {HanseError} what the gateway says, or HANSE_PROVIDER_UNREACHABLE */
export async function askGateway(
  { gatewayUrl, apiKey }: GatewayAccess,
  path: string,
  init: {
    readonly method?: string
    readonly body?: string
    readonly signal?: AbortSignal
    readonly headers?: Readonly<Record<string, string>>
  } = {},
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
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `no gateway answers at ${gatewayUrl}: start one with \`hanse gateway\``,
      { cause },
    )
  }
  if (response.ok) return response
  const body = (await response.json().catch(() => ({}))) as {
    error?: { code?: string; message?: string }
  }
  const code = body.error?.code
  const retryAfterMs = Number(response.headers.get('retry-after-ms') ?? Number.NaN)
  throw new HanseError(
    isErrorCode(code) ? code : 'HANSE_INTERNAL',
    body.error?.message ?? `the gateway answered ${response.status}`,
    Number.isFinite(retryAfterMs) ? { retryAfterMs } : {},
  )
}
