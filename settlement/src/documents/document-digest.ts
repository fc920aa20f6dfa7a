import { digestOfDocument } from '@hanse/protocol'
import type { LogFact } from '../log/log-fact.ts'

interface Issued {
  readonly number: string
  /** Of its canonical JSON. */
  readonly sha256: Uint8Array
  /** As a row or as milliseconds since 1970. */
  readonly issuedAt: Date | number
}

/** The CID under which the log proves that a document was issued with these words. */
export const digestCid = ({ number, sha256, issuedAt }: Issued): string =>
  digestOfDocument({ number, sha256, at: Number(issuedAt) }).cid.toString()

/** Names nobody, so no erasure takes it: what was invoiced can be proved for as long as the log is there. */
export const issuedFact = (issued: Issued): LogFact => ({
  kind: 'document-issued',
  record: digestCid(issued),
  owner: null,
  details: null,
})
