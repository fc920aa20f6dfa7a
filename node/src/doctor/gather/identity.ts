import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Signer, signerOf } from '@hanse/protocol'
import { loadOrCreateIdentity, seedOf } from '../../network/index.ts'

/** The node's signer, when it has an identity: a look must not make one. */
export async function signerIn(dataDir: string): Promise<Signer | undefined> {
  const path = join(dataDir, 'identity.key')
  if (!existsSync(path)) return undefined
  return signerOf(seedOf(await loadOrCreateIdentity(path)))
}
