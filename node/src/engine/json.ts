export type JsonObject = { readonly [key: string]: unknown }

/** `undefined` for bytes or text that are no JSON object. */
export function parseJsonObject(source: Uint8Array | string): JsonObject | undefined {
  try {
    const text =
      typeof source === 'string' ? source : new TextDecoder('utf-8', { fatal: true }).decode(source)
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function numberIn(object: unknown, key: string): number | undefined {
  if (!isJsonObject(object)) return undefined
  const value = object[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

export function stringIn(object: unknown, key: string): string | undefined {
  if (!isJsonObject(object)) return undefined
  const value = object[key]
  return typeof value === 'string' ? value : undefined
}

const encoder = new TextEncoder()

export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}
