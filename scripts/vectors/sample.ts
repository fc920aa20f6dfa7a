import type { Named, RecordType, SignedRecord } from '@hanse/protocol'

/** A record that vectors show, and what reads its type. */
export interface Sample {
  readonly name: string
  readonly type: string
  readonly record: Named<unknown> & SignedRecord
  readonly decode: (bytes: Uint8Array) => unknown
}

export function sampleOf<Value>(
  name: string,
  type: RecordType<Value>,
  record: Named<Value> & SignedRecord,
): Sample {
  return { name, type: type.type, record, decode: (bytes) => type.decode(bytes) }
}
