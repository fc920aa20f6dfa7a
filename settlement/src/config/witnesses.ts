import { parseVerifierKey } from '@hanse/protocol'
import { z } from 'zod'
import type { WitnessAddress } from '../log/witness-feed.ts'

/** More than any policy asks for; each is one request for every checkpoint. */
const WITNESSES_MAX = 32

/** `key@address`, several with commas between them or as a list. A key has no @http in it: it ends in base64. */
export const witnessesSetting = z
  .union([
    z.array(z.string()),
    z.string().transform((text) => text.split(',').map((part) => part.trim())),
  ])
  .transform((parts, ctx) =>
    parts
      .filter((part) => part !== '')
      .map((part): WitnessAddress => {
        const witness = readWitness(part)
        if (witness !== undefined) return witness
        ctx.addIssue({ code: 'custom', message: `${part.slice(0, 80)} is not <key>@<address>` })
        return z.NEVER
      }),
  )
  .refine((witnesses) => witnesses.length <= WITNESSES_MAX, { error: `over ${WITNESSES_MAX}` })

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
