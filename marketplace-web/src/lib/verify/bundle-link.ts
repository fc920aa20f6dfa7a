/** Longer addresses are refused by some browsers and cut by some mailers. */
const bytesMax = 512 * 1024
const chunk = 0x8000

/** The path of a page that checks a bundle. It is in the fragment, which browsers send to nobody; undefined when it is too long. */
export function bundleLink(bytes: Uint8Array): string | undefined {
  if (bytes.byteLength > bytesMax) return undefined
  let text = ''
  for (let at = 0; at < bytes.byteLength; at += chunk)
    text += String.fromCharCode(...bytes.subarray(at, at + chunk))
  const base64 = btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  return `/verify#bundle=${base64}`
}

/** The bundle in a page's fragment; undefined where there is none, or something else. */
export function bundleIn(hash: string): Uint8Array | undefined {
  const base64 = /^#bundle=([\w-]+)$/u.exec(hash)?.[1]
  if (base64 === undefined) return undefined
  try {
    const text = atob(base64.replaceAll('-', '+').replaceAll('_', '/'))
    return Uint8Array.from(text, (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
