import { z } from 'zod'
import { bytes, peerId, timestamp } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'

/** Ten-thousandths of a degree: 11 metres. */
const degreesE4 = (max: number) =>
  z
    .int()
    .min(-max * 10_000)
    .max(max * 10_000)

/**
 * What a landmark, a node with a published position, measured of another node; signed in the role `landmark`. Nothing
 * outruns light, so a round trip of t milliseconds puts the holder of the subject's key within 149.9 km · t of the
 * landmark. It says nothing about a proxy that holds the key.
 */
export const landmarkPing = defineRecord(
  'hanse.landmark-ping.v1',
  {
    landmark: peerId,
    subject: peerId,
    /** Of the landmark, WGS 84. */
    latitudeE4: degreesE4(90),
    longitudeE4: degreesE4(180),
    /** The smallest of the series, microseconds. */
    roundTripUs: z.int().min(1).max(10_000_000),
    /** Chosen by who asked for the measurement. */
    nonce: bytes(16),
    at: timestamp,
    notAfter: timestamp,
  },
  { check: (value) => (value.at < value.notAfter ? undefined : 'notAfter is not after at') },
)
export type LandmarkPing = ReturnType<typeof landmarkPing.decode>

/** A landmark's random bytes that a subject signs at once. */
export const CHALLENGE_BYTES = 32

/**
 * The answer to one ping, signed by the subject in the role `provider`. It holds what the landmark chose at random just
 * before, so that it can be made neither earlier nor by somebody without the key, and serves no other landmark.
 */
export const landmarkEcho = defineRecord('hanse.landmark-echo.v1', {
  landmark: peerId,
  subject: peerId,
  challenge: bytes(CHALLENGE_BYTES),
})
export type LandmarkEcho = ReturnType<typeof landmarkEcho.decode>

export const echoSigners = (value: LandmarkEcho) =>
  [{ signer: value.subject, role: 'provider' }] as const

export const landmarkSigners = (value: LandmarkPing) =>
  [{ signer: value.landmark, role: 'landmark' }] as const
