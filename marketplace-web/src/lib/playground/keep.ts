import { loadNode } from '#lib/network/load-node.ts'

/** Of the playground's key and receipts, in this origin's IndexedDB. */
export const dataDir = 'playground'

/** The key as a file for `seed` of the SDK; undefined where there is none yet. */
export async function keyFile(peerId: string): Promise<Blob | undefined> {
  const { pageSeed } = await loadNode()
  const seed = await pageSeed(dataDir)
  if (seed === undefined) return undefined
  const hex = Array.from(seed, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const text = JSON.stringify({ type: 'hanse.consumer-key', peerId, seed: hex }, undefined, 2)
  return new Blob([`${text}\n`], { type: 'application/json' })
}

/** Forgets key and receipts, for good. The consumer that uses them must be closed. */
export async function forget(): Promise<void> {
  const { forgetPageData } = await loadNode()
  await forgetPageData(dataDir)
}

/** Hands a file to the browser's downloads. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The download has its own hold on the bytes by then.
  setTimeout(() => URL.revokeObjectURL(url), 1_000)
}
