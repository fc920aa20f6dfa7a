import { parseVerifierKey } from '@hanse/protocol'
import type { WitnessAddress } from '../log/witness-feed.ts'
import { pairList } from './pair-list.ts'

/** More than any policy asks for; each is one request for every checkpoint. */
const WITNESSES_MAX = 32

/** `key@address`, several with commas between them or as a list. A key has no @http in it: it ends in base64. */
export const witnessesSetting = pairList(readWitness, '<key>@<address>', WITNESSES_MAX)

function readWitness(text: string): WitnessAddress | undefined {
  const at = text.lastIndexOf('@http')
  const [vkey, address] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)]
  try {
    if (parseVerifierKey(vkey).kind !== 'cosignature') return undefined
    return { vkey, url: new URL(address).href.replace(/\/$/u, '') }
  } catch {
    return undefined
  }
}
