export type Config = { readonly gatewayUrl: string; readonly settlementUrl: string }

/** Reads `/config.json`; undefined when it is not what the web server writes. */
export function parseConfig(answer: unknown): Config | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  const { gatewayUrl, settlementUrl } = answer as Record<string, unknown>
  if (!isHttpUrl(gatewayUrl) || !isHttpUrl(settlementUrl)) return undefined
  return { gatewayUrl: withoutSlash(gatewayUrl), settlementUrl: withoutSlash(settlementUrl) }
}

function isHttpUrl(value: unknown): value is string {
  if (typeof value !== 'string') return false
  const url = URL.parse(value)
  return url?.protocol === 'http:' || url?.protocol === 'https:'
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}
