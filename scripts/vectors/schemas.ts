import { ERRORS, FINAL_REASONS, isCountryCode, regionsOf } from '@hanse/protocol'
import { FRAME_SCHEMAS, LINE_SCHEMA } from './frame-schemas.ts'
import { RECORD_SCHEMAS } from './record-schemas.ts'

/** Codes of ISO 3166-1 alpha-2, and the groups that each is in. */
export function countries(): Record<string, string[]> {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('')
  const codes = letters.flatMap((a) => letters.map((b) => a + b)).filter(isCountryCode)
  return Object.fromEntries(codes.map((code) => [code, regionsOf(code)]))
}

export function schemasFile() {
  return {
    about:
      'What the fields of records and frames may hold. int: least and greatest value, as decimals; text: least and ' +
      'greatest length in UTF-16 code units; bytes and list: least and greatest length; map: exactly these keys; by: one ' +
      'of several maps, told apart by that key; peer: an Ed25519 peer id; link: a CIDv1, dag-cbor, sha2-256; region: a ' +
      'country, EU or EEA; model: at most 128 characters that match modelPattern; traceparent: text that matches traceparentPattern; error-code: one of errorCodes. A record ' +
      'has its $type beside its fields.',
    modelPattern: '^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)+(:[a-z0-9][a-z0-9._-]*)?$',
    traceparentPattern: '^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$',
    records: RECORD_SCHEMAS,
    statementLine: {
      schema: LINE_SCHEMA,
      bytesMax: 320,
      rules: ['cachedInputTokens <= inputTokens'],
    },
    frames: { bytesMax: 1_048_576, from: FRAME_SCHEMAS },
    finalReasons: FINAL_REASONS,
    errorCodes: Object.keys(ERRORS).toSorted(),
    countries: countries(),
  }
}
