/** Signed evidence of an organization's that somebody has asked for. */
export interface AuditPackage {
  readonly id: string
  readonly organization: string
  /** `person:<id>` or `key:<prefix>`. */
  readonly requestedBy: string
  /** Milliseconds since 1970. */
  readonly from: number
  /** Not included. */
  readonly to: number
  /** CIDs of orders; of the whole period when empty. */
  readonly sessions: readonly string[]
  /** Size of a checkpoint that the reader remembers. */
  readonly since: bigint | null
  readonly state: 'waiting' | 'done' | 'failed'
  /** Events that were packed so far. */
  readonly done: number
  /** Of so many; null before they were counted. */
  readonly total: number | null
  readonly failure: string | null
  readonly bytes: number | null
  /** Of the archive, in hex. */
  readonly sha256: string | null
  readonly createdAt: number
  readonly endedAt: number | null
  /** From then on there is no file. */
  readonly expiresAt: number | null
}

/** What a request for one says. */
export type PackageRequest = Pick<
  AuditPackage,
  'id' | 'organization' | 'requestedBy' | 'from' | 'to' | 'sessions' | 'since'
>

/** Being made at once for one organization. */
export const PACKAGES_WAITING_MAX = 5
export const PACKAGE_SESSIONS_MAX = 200
/** A year of the audit trail, and the month in which somebody asks for it. */
export const PACKAGE_PERIOD_MS_MAX = 400 * 86_400_000
/** In one archive: a proof and a line for each. */
export const PACKAGE_EVENTS_MAX = 5_000
/** Kept to be fetched. */
export const PACKAGE_KEPT_MS = 7 * 86_400_000
