import { hash } from 'node:crypto'
import {
  type Named,
  openSigned,
  type RecordType,
  type SignedRecord,
  type SigningContext,
} from '@hanse/protocol'

type Opened<Value> = Named<Value> & SignedRecord
type SignersOf<Value> = Parameters<typeof openSigned<Value>>[3]

/** Records of some two kilobytes each: four megabytes, with what they are decoded to some ten. */
const RECORDS_MAX = 2_048

/**
 * Signed records that were opened before, by all of their bytes and all of their signatures: the sessions of an hour rest on
 * one authorization, and those of a week on one attestation. The check of a signature has one outcome for ever, so what is
 * the same to the last bit need not be checked twice. Only what was opened without a fault is remembered.
 */
export class OpenedRecords {
  readonly #records = new Map<string, Opened<unknown>>()
  readonly #network: string

  readonly #recordsMax: number

  /** @param network the only one whose records are remembered */
  constructor(network: string, recordsMax = RECORDS_MAX) {
    this.#network = network
    this.#recordsMax = recordsMax
  }

  /**
   * As `openSigned`, for records that name their signers themselves.
   *
   * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_*
   */
  open<Value>(
    context: SigningContext,
    type: RecordType<Value>,
    signed: SignedRecord,
    signersOf: SignersOf<Value>,
  ): Opened<Value> {
    if (context.network !== this.#network) return openSigned(context, type, signed, signersOf)
    const key = keyOf(type.type, signed)
    const known = this.#records.get(key) as Opened<Value> | undefined
    if (known !== undefined) return known
    const opened = openSigned(context, type, signed, signersOf)
    this.#keep(key, opened)
    return opened
  }

  #keep(key: string, opened: Opened<unknown>): void {
    if (this.#records.size >= this.#recordsMax) {
      const [oldest] = this.#records.keys()
      if (oldest !== undefined) this.#records.delete(oldest)
    }
    this.#records.set(key, opened)
  }
}

/** Each part ends where the next begins: types and peer ids have no slash, digests and signatures one length. */
function keyOf(type: string, { bytes, signatures }: SignedRecord): string {
  const signed = signatures.map(
    ({ signer, role, signature }) => `${signer}/${role}/${base64(signature)}`,
  )
  return [type, hash('sha256', bytes, 'base64'), ...signed].join('\n')
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')
