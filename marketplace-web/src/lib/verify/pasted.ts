/** What a pasted text holds. */
export type Pasted =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'signed'
      readonly bytes: Uint8Array
      readonly signatures: readonly {
        readonly signer: string
        readonly role: string
        readonly signature: Uint8Array
      }[]
    }

/** A bundle's bytes as hex or Base64, or a signed record as the settlement's API writes it; undefined for anything else. */
export function readPasted(text: string): Pasted | undefined {
  const trimmed = text.trim()
  if (trimmed.startsWith('{')) return readSigned(trimmed)
  const bytes = readBytes(trimmed.replace(/\s+/gu, ''))
  return bytes === undefined ? undefined : { kind: 'bytes', bytes }
}

function readSigned(text: string): Pasted | undefined {
  let value: { bytes?: unknown; signatures?: unknown }
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const bytes = typeof value.bytes === 'string' ? readBytes(value.bytes) : undefined
  if (bytes === undefined || !Array.isArray(value.signatures)) return undefined
  const signatures = value.signatures.map((one: Record<string, unknown>) => {
    const signature = typeof one.signature === 'string' ? readBytes(one.signature) : undefined
    const { signer, role } = one
    return signature !== undefined && typeof signer === 'string' && typeof role === 'string'
      ? { signer, role, signature }
      : undefined
  })
  return signatures.every((one) => one !== undefined)
    ? { kind: 'signed', bytes, signatures }
    : undefined
}

function readBytes(text: string): Uint8Array | undefined {
  if (text.length >= 2 && text.length % 2 === 0 && /^[0-9a-f]+$/iu.test(text)) {
    return Uint8Array.from(text.match(/../gu) ?? [], (pair) => Number.parseInt(pair, 16))
  }
  if (text === '' || !/^[A-Za-z0-9+/_-]+={0,2}$/u.test(text)) return undefined
  try {
    const plain = text.replaceAll('-', '+').replaceAll('_', '/')
    return Uint8Array.from(atob(plain), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}
