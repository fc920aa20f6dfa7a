import { randomBytes } from 'node:crypto'
import {
  CLOCK_SKEW_MS,
  isInRegion,
  judgeLatency,
  type LandmarkPing,
  landmarkPing,
  landmarkSigners,
  type Named,
  openSigned,
  pingFault,
  type SignedRecord,
} from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { ProviderRow } from '../tenants/tenant-store.ts'
import { PINGS_MAX, type StoredEvidence } from './evidence.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const NONCE_BYTES = 16
/** Sixteen landmarks are asked in a minute, on a slow line too. */
const CHALLENGE_MS = 15 * MINUTE_MS
/** A node renews its evidence weekly; one that was away for three weeks keeps what it had. */
const EVIDENCE_MS = 30 * DAY_MS

export interface Challenge {
  readonly nonce: Uint8Array
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** What the measurements of a provider have to be of. The last one given counts. */
export async function giveChallenge(
  { store, now }: SettlementContext,
  provider: string,
): Promise<Challenge> {
  const nonce = new Uint8Array(randomBytes(NONCE_BYTES))
  const at = now()
  const expiresAt = at + CHALLENGE_MS
  await store.giveLocationChallenge({ provider, nonce, at, expiresAt })
  return { nonce, expiresAt }
}

export interface Submitted {
  /** Where the request came from; `undefined` where that is not known. */
  readonly address: string | undefined
  /** Of the challenge; without one no measurements are taken. */
  readonly nonce: Uint8Array | undefined
  readonly pings: readonly SignedRecord[]
}

/**
 * Takes what a provider shows of where it is, and what its address says.
 *
 * @returns what was found; nothing where there is nothing to go by
 * @throws {SettlementError} HANSE_LOCATION_EVIDENCE when a measurement is not of this provider, this challenge, and a
 *   landmark that is believed
 */
export async function takeEvidence(
  context: SettlementContext,
  row: ProviderRow,
  { address, nonce, pings }: Submitted,
): Promise<StoredEvidence[]> {
  const found = [
    ...addressEvidence(context, row, address),
    ...(await latencyEvidence(context, row, nonce, pings)),
  ]
  if (found.length > 0) await context.store.recordLocationEvidence(row.peerId, found, context.now())
  return found
}

function addressEvidence(
  { countryOfAddress, now }: SettlementContext,
  { country: declared }: ProviderRow,
  address: string | undefined,
): StoredEvidence[] {
  const country = address === undefined ? undefined : countryOfAddress?.of(address)
  if (countryOfAddress === undefined || country === undefined) return []
  const outcome =
    country === declared ? 'supports' : areNear(country, declared) ? 'open' : 'contradicts'
  const life = { observedAt: now(), expiresAt: now() + EVIDENCE_MS }
  const { dataset: reference } = countryOfAddress
  return [{ kind: 'geoip', country, outcome, reference, pings: [], ...life }]
}

/** Networks of neighbours are registered in each other's countries; that says little within the market that policies name. */
const areNear = (a: string, b: string): boolean => isInRegion(a, 'EEA') && isInRegion(b, 'EEA')

async function latencyEvidence(
  context: SettlementContext,
  row: ProviderRow,
  nonce: Uint8Array | undefined,
  pings: readonly SignedRecord[],
): Promise<StoredEvidence[]> {
  if (pings.length === 0) return []
  if (nonce === undefined) throw refused('measurements need the nonce they were made for')
  // Taken before anything is looked at: a challenge that was tried is used up.
  const since = await context.store.takeLocationChallenge(row.peerId, nonce, context.now())
  if (since === undefined) throw refused('the nonce was not given to this provider, or is used up')
  const opened = pings.map((ping) => openPing(context, row, ping, nonce, since))
  const nearest = oneOfEach(opened).slice(0, PINGS_MAX)
  const verdict = judgeLatency(
    row.country,
    nearest.map(({ value }) => value),
  )
  const outcome =
    verdict.kind === 'excluded'
      ? 'contradicts'
      : verdict.kind === 'within' && verdict.region === row.country
        ? 'supports'
        : 'open'
  const observedAt = context.now()
  return [
    {
      kind: 'latency',
      country: row.country,
      outcome,
      reference: referenceOf(verdict.countries),
      pings: nearest.map(({ bytes, signatures }) => ({ bytes, signatures })),
      observedAt,
      expiresAt: observedAt + EVIDENCE_MS,
    },
  ]
}

function openPing(
  context: SettlementContext,
  { peerId: subject }: ProviderRow,
  signed: SignedRecord,
  nonce: Uint8Array,
  since: number,
): Named<LandmarkPing> & SignedRecord {
  const { landmarks = [], now } = context
  const opened = openSigned(context, landmarkPing, signed, landmarkSigners)
  const expected = { subject, nonce, landmarks, since, now: now(), skewMs: CLOCK_SKEW_MS }
  const fault = pingFault(opened.value, expected)
  if (fault === undefined) return opened
  throw refused(`the measurement by ${opened.value.landmark} is refused: ${fault}`)
}

/** The smallest of each landmark, the smallest of all first. */
function oneOfEach(
  pings: readonly (Named<LandmarkPing> & SignedRecord)[],
): (Named<LandmarkPing> & SignedRecord)[] {
  const sorted = pings.toSorted((a, b) => a.value.roundTripUs - b.value.roundTripUs)
  return [...new Map(sorted.toReversed().map((ping) => [ping.value.landmark, ping])).values()].sort(
    (a, b) => a.value.roundTripUs - b.value.roundTripUs,
  )
}

/** Which countries the circles leave; of many, the first. */
const COUNTRIES_SHOWN = 12
const referenceOf = (countries: readonly string[]): string =>
  countries.length === 0
    ? 'the circles leave no land'
    : `the circles leave ${countries.slice(0, COUNTRIES_SHOWN).join(' ')}${
        countries.length > COUNTRIES_SHOWN ? ` and ${countries.length - COUNTRIES_SHOWN} more` : ''
      }`

const refused = (why: string) => new SettlementError('HANSE_LOCATION_EVIDENCE', why)
