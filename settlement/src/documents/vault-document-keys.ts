import { z } from 'zod'

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`, 'u'))
const instant = z.number()

/** A key of documents as the vault has it: open, in a box, or that there was one. */
export const vaultDocumentKey = z.strictObject({
  id: hex(16),
  organization: z.string().nullable(),
  provider: z.string().nullable(),
  year: z.int(),
  key: hex(32).nullable(),
  boxed: z
    .string()
    .regex(/^(?:[0-9a-f]{2})+$/u)
    .nullable(),
  duty: hex(32).nullable(),
  /** Milliseconds since 1970, as the others. */
  createdAt: instant,
  restrictedAt: instant.nullable(),
  destroyedAt: instant.nullable(),
})
export type VaultDocumentKey = z.output<typeof vaultDocumentKey>

/**
 * What the vault has, with what the database says. None goes back to a state that it has left, so a database that was set back
 * opens nothing that was shut.
 */
export function mergedKeys(
  held: readonly VaultDocumentKey[],
  said: readonly VaultDocumentKey[],
): VaultDocumentKey[] {
  const keys = new Map(held.map((one) => [one.id, one]))
  for (const one of said) {
    const known = keys.get(one.id)
    if (known === undefined || stateOf(one) > stateOf(known)) keys.set(one.id, one)
  }
  return [...keys.values()]
}

function stateOf({ boxed, restrictedAt, destroyedAt }: VaultDocumentKey): number {
  if (destroyedAt !== null) return 3
  if (boxed !== null) return 2
  return restrictedAt === null ? 0 : 1
}
