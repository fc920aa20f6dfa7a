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

/** An organization, a provider or a person, as the subject of sealed data. */
export const ownerOf = (kind: 'organization' | 'provider' | 'person', id: string): string =>
  `${kind}/${id}`

/** The service itself, as the subject of what is about nobody in particular. */
export const PLATFORM = 'platform'

/** Under which policy something was done, where. */
export const placeOf = ({ allow, minLevel }: Residency, country: string | undefined) => ({
  allow,
  minLevel,
  country: country ?? null,
})

/** That another usage policy counts, or none. */
export const policyChanged = (
  organization: string,
  version: number | null,
  by: string,
): LogFact => ({
  kind: 'policy-changed',
  record: null,
  owner: ownerOf('organization', organization),
  details: { organization, version, by },
})
