import type { LogEventKind, Residency } from '@hanse/protocol'

/** Something that happened and that the log will tell of, as plain data. */
export interface LogFact {
  readonly kind: LogEventKind
  /** CID of what it is about. */
  readonly record: string | null
  /** Whose personal data the details are: see `ownerOf`. Without one there are no details. */
  readonly owner: string | null
  /** Sealed with the owner's key. */
  readonly details: Readonly<Record<string, DetailValue>> | null
}

/** That a subject was erased: the one event that names the subject and has nothing to seal. */
export interface ErasureFact extends LogFact {
  readonly subject: Uint8Array
}

type DetailValue = string | bigint | number | null | readonly string[]

/** An organization or a provider, as the subject of sealed data. */
export const ownerOf = (kind: 'organization' | 'provider', id: string): string => `${kind}/${id}`

/** Under which policy something was done, where. */
export const placeOf = ({ allow, minLevel }: Residency, country: string | undefined) => ({
  allow,
  minLevel,
  country: country ?? null,
})
