import Stripe from 'stripe'

/** One request to Stripe, each try by itself. */
export interface StripeCall {
  /** What it was about, as `transfers` or `core/accounts`: never an id. */
  readonly resource: string
  /** HTTP status; 0 where no answer came. */
  readonly status: number
  readonly ms: number
}

/** The library's own HTTP client, which tells of each request and whether it was answered. */
export function observedClient(
  tell: (call: StripeCall) => void,
): ReturnType<typeof Stripe.createNodeHttpClient> {
  const client = Stripe.createNodeHttpClient()
  const send = client.makeRequest.bind(client)
  client.makeRequest = async (host, port, path, method, ...rest) => {
    const started = performance.now()
    const ended = (status: number) =>
      tell({ resource: resourceOf(path), status, ms: performance.now() - started })
    try {
      const response = await send(host, port, path, method, ...rest)
      ended(response.getStatusCode())
      return response
    } catch (error) {
      ended(0)
      throw error
    }
  }
  return client
}

/** Words of the path before the first that can be an id: of v1 there is one, and v2 has groups. */
export function resourceOf(path: string): string {
  const [version = '', ...parts] = path.split('?')[0]?.split('/').filter(Boolean) ?? []
  return parts.slice(0, version === 'v1' ? 1 : 2).join('/') || 'none'
}
