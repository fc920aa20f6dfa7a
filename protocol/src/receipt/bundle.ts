import { z } from 'zod'
import { cid, word } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'
import { type SignedRecord, signatureSchema } from '../record/signed.ts'
import { cidOf } from '../wire.ts'
import { type CarFile, writeCar } from './car.ts'

export const BUNDLE_KINDS = [
  'offer',
  'attestation',
  'authorization',
  'quoted-order',
  'quote',
  'order',
  'acceptance',
  'receipt',
  'log-key',
  'settlement-proof',
] as const
export type BundleKind = (typeof BUNDLE_KINDS)[number]
/** The one kind of record that proves itself. */
const UNSIGNED: BundleKind = 'settlement-proof'

/** A session of at most this many receipts fits; a receipt every few hundred tokens makes that a long answer. */
export const BUNDLE_RECORDS_MAX = 4096

/** The root of a bundle: what is in it, and the signatures, which are not part of the records themselves. */
export const bundleManifest = defineRecord(
  'hanse.bundle.v1',
  {
    network: word(64),
    records: z
      .array(
        z.strictObject({
          kind: z.enum(BUNDLE_KINDS),
          cid,
          signatures: z.array(signatureSchema).max(2),
        }),
      )
      .min(4)
      .max(BUNDLE_RECORDS_MAX),
  },
  {
    bytesMax: 4 << 20,
    check: ({ records }) =>
      records.some(({ kind, signatures }) => (signatures.length === 0) !== (kind === UNSIGNED))
        ? 'all but the proof of settlement are signed'
        : undefined,
  },
)

/** Everything that proves one session: each as it was signed. */
export interface SessionEvidence {
  readonly network: string
  readonly offer: SignedRecord
  readonly attestations: readonly SignedRecord[]
  readonly authorization: SignedRecord | null
  /** Orders that were answered with a quote, oldest first; the order cites the last quote. */
  readonly rounds: readonly { readonly order: SignedRecord; readonly quote: SignedRecord }[]
  readonly order: SignedRecord
  readonly acceptance: SignedRecord
  /** Doubly signed, in order of their sequence. */
  readonly receipts: readonly SignedRecord[]
  /** That the last receipt was settled: the key of the settlement's log, and a `hanse.settlement-proof.v1`. */
  readonly settlement?: { readonly key: SignedRecord; readonly proof: Uint8Array }
}

/** One CAR file that holds a whole session; see `verifyBundle`. Texts are not in it. */
export function exportBundle(evidence: SessionEvidence): Uint8Array {
  const records: [BundleKind, SignedRecord][] = [
    ['offer', evidence.offer],
    ...evidence.attestations.map((record): [BundleKind, SignedRecord] => ['attestation', record]),
    ...(evidence.authorization === null
      ? []
      : [['authorization', evidence.authorization] as [BundleKind, SignedRecord]]),
    ...evidence.rounds.flatMap((round): [BundleKind, SignedRecord][] => [
      ['quoted-order', round.order],
      ['quote', round.quote],
    ]),
    ['order', evidence.order],
    ['acceptance', evidence.acceptance],
    ...evidence.receipts.map((record): [BundleKind, SignedRecord] => ['receipt', record]),
    ...settlementRecords(evidence.settlement),
  ]
  const manifest = bundleManifest.encode({
    network: evidence.network,
    records: records.map(([kind, { bytes, signatures }]) => ({
      kind,
      cid: cidOf(bytes),
      signatures: signatures.map((signature) => ({ ...signature })),
    })),
  })
  const file: CarFile = {
    root: cidOf(manifest),
    blocks: [manifest, ...records.map(([, { bytes }]) => bytes)].map((bytes) => ({
      cid: cidOf(bytes),
      bytes,
    })),
  }
  return writeCar(file)
}

function settlementRecords(settled: SessionEvidence['settlement']): [BundleKind, SignedRecord][] {
  if (settled === undefined) return []
  return [
    ['log-key', settled.key],
    [UNSIGNED, { bytes: settled.proof, signatures: [] }],
  ]
}
