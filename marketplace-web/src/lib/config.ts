export type Config = {
  readonly gatewayUrl: string
  readonly settlementUrl: string
  /** What pages join by themselves; none where the site names none. */
  readonly network: PeerNetwork | undefined
}
export type PeerNetwork = { readonly name: string; readonly bootstrap: readonly string[] }

const bootstrapMax = 64

/** Reads `/config.json`; undefined when it is not what the web server writes. */
export function parseConfig(answer: unknown): Config | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  const { gatewayUrl, settlementUrl, network } = answer as Record<string, unknown>
  if (!isHttpUrl(gatewayUrl) || !isHttpUrl(settlementUrl)) return undefined
  return {
    gatewayUrl: withoutSlash(gatewayUrl),
    settlementUrl: withoutSlash(settlementUrl),
    network: parseNetwork(network),
  }
}

function parseNetwork(value: unknown): PeerNetwork | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { name, bootstrap } = value as Record<string, unknown>
  if (typeof name !== 'string' || !Array.isArray(bootstrap) || bootstrap.length === 0) {
    return undefined
  }
  const addresses = bootstrap.slice(0, bootstrapMax)
  return addresses.every((address) => typeof address === 'string')
    ? { name, bootstrap: addresses }
    : undefined
}

function isHttpUrl(value: unknown): value is string {
  if (typeof value !== 'string') return false
  const url = URL.parse(value)
  return url?.protocol === 'http:' || url?.protocol === 'https:'
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}
