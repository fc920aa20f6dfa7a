import { type Signer, signerOf } from '@hanse/protocol'
import { loadOrCreateIdentity, seedOf } from '../network/index.ts'

/**
 * The key that signs notes, and nothing else: the text of a note is signed without a domain in front. Made on the first
 * start, as a file that only its owner can read.
 */
export async function loadNoteKey(path: string): Promise<Signer> {
  return signerOf(seedOf(await loadOrCreateIdentity(path)))
}

/** The origin of a node's own log. */
export function logNameOf(network: string, peerId: string): string {
  return `hanse/${wordOf(network)}/${peerId}`
}

/** A witness's name where its owner gave none. */
export function witnessNameOf(network: string, peerId: string): string {
  return `hanse/${wordOf(network)}/witness/${peerId}`
}

/** Key names have neither spaces nor plus signs; networks may be called anything. */
function wordOf(network: string): string {
  return encodeURIComponent(network)
}
