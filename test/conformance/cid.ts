import { base32 } from './base.ts'
import { isEqual, join, readVarint, sha256 } from './bytes.ts'

/** A link: the bytes of a CID. */
export class Link {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  equals(other: unknown): boolean {
    return other instanceof Link && isEqual(this.bytes, other.bytes)
  }

  /** Version 1 in base32. */
  toString(): string {
    return `b${base32(this.bytes)}`
  }
}

/** Version 1, dag-cbor, sha2-256 of 32 bytes. */
const RECORD_HEAD = [1, 0x71, 0x12, 32] as const
const RAW_HEAD = [1, 0x55, 0x12, 32] as const

/** The name of a record. */
export const linkOf = (bytes: Uint8Array): Link =>
  new Link(join(Uint8Array.from(RECORD_HEAD), sha256(bytes)))

export const rawLinkOf = (bytes: Uint8Array): Link =>
  new Link(join(Uint8Array.from(RAW_HEAD), sha256(bytes)))

export function isRecordLink(link: Link): boolean {
  return link.bytes.length === 36 && RECORD_HEAD.every((byte, i) => link.bytes[i] === byte)
}

/** Whether bytes are one CID: a multihash of version 0, or version 1 in varints as short as can be. */
export function isCid(bytes: Uint8Array): boolean {
  if (bytes.length === 34 && bytes[0] === 0x12 && bytes[1] === 32) return true
  let at = 0
  const values: number[] = []
  for (let i = 0; i < RECORD_HEAD.length; i++) {
    const read = readVarint(bytes, at)
    if (read === undefined) return false
    values.push(read[0])
    at = read[1]
  }
  return values[0] === 1 && bytes.length - at === values[3]
}
