import { createHash } from 'node:crypto'
import { ownerOf } from '../log/log-fact.ts'
import type { SubjectKind } from './register/index.ts'

/** Changes with what is hashed. */
const DOMAIN = 'hanse-erasure-1'

/**
 * A digest of who owns a key (see `ownerOf`), in hex: it says of one whom somebody asks about that they were erased, and of
 * nobody who they were. Ids of people and organizations are random; peer ids are not secret, and can be looked for.
 */
export const tombstoneOfOwner = (owner: string): string =>
  createHash('sha256').update(`${DOMAIN}\n${owner}`).digest('hex')

export const tombstoneOf = ({
  kind,
  id,
}: {
  readonly kind: SubjectKind
  readonly id: string
}): string => tombstoneOfOwner(ownerOf(kind, id))
