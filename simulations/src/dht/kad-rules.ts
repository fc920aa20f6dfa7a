/**
 * What the installed kad-dht does where it is not told otherwise, by file and constant. The package does not export them;
 * `kad-rules.test.ts` reads its source and fails when one is no longer so.
 */
export const KAD_DHT = {
  /** `routing-table/index.ts` KBUCKET_SIZE: contacts in a bucket, answers to a question, holders of a record. */
  bucketSize: 20,
  /** `routing-table/index.ts` PREFIX_LENGTH: the table is a trie of the key space of this depth, the same for everybody. */
  prefixLength: 6,
  /** `constants.ts` ALPHA: questions in flight on one path. It is the number of disjoint paths too (`kad-dht.ts`). */
  alpha: 10,
  /** `routing-table/index.ts` PING_OLD_CONTACT_COUNT: of a full bucket only the oldest are asked whether they live. */
  oldContactsPinged: 3,
  /** `routing-table/index.ts` LAST_PING_THRESHOLD: and not those that were asked within so many milliseconds. */
  pingAgainMs: 600_000,
  /** `constants.ts` TABLE_REFRESH_INTERVAL and QUERY_SELF_INTERVAL, 5 * minute both. */
  refreshMs: 300_000,
  /** `constants.ts` PROVIDERS_VALIDITY, REPROVIDE_INTERVAL and REPROVIDE_THRESHOLD: 48, 1 and 24 hours. */
  validityMs: 48 * 3_600_000,
  sweepMs: 3_600_000,
  thresholdMs: 24 * 3_600_000,
} as const

/** How buckets are laid out: as in the installed kad-dht, or around the own id as in the paper by Maymounkov and Mazières. */
export type TableShape = 'trie' | 'self-centred'

export interface KadRules {
  readonly bucketSize: number
  readonly prefixLength: number
  readonly alpha: number
  readonly paths: number
  readonly oldContactsPinged: number
  readonly pingAgainMs: number
  readonly shape: TableShape
}

export const KAD_RULES: KadRules = {
  bucketSize: KAD_DHT.bucketSize,
  prefixLength: KAD_DHT.prefixLength,
  alpha: KAD_DHT.alpha,
  paths: KAD_DHT.alpha,
  oldContactsPinged: KAD_DHT.oldContactsPinged,
  pingAgainMs: KAD_DHT.pingAgainMs,
  shape: 'trie',
}
