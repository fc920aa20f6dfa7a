/** Major types of CBOR (RFC 8949, 3.1), in the upper three bits of a head. */
export const MAJOR = {
  unsigned: 0x00,
  negative: 0x20,
  bytes: 0x40,
  text: 0x60,
  array: 0x80,
  map: 0xa0,
} as const

export const [FALSE, TRUE, NULL] = [0xf4, 0xf5, 0xf6]

/** Of a record's CID: dag-cbor, sha2-256, and the bytes of its digest. */
export const [DAG_CBOR, SHA2_256, DIGEST_BYTES] = [0x71, 0x12, 32]
/** What stands before the digest: tag 42, a head of 37 bytes, and 0 (all for historical reasons), then the CID's own. */
export const CID_HEAD: Uint8Array = Uint8Array.from([
  0xd8,
  0x2a,
  0x58,
  0x25,
  0x00,
  0x01,
  DAG_CBOR,
  SHA2_256,
  DIGEST_BYTES,
])
/** Bytes of the CID itself, and of what stands in it before the digest. */
export const [CID_BYTES, CID_PREFIX_BYTES] = [36, 4]

/** Nesting that no record of ours comes near; stops hostile input before the call stack does. */
export const DEPTH_MAX = 16

/**
 * Keys that mean something to JavaScript or to `multiformats`: a prototype, and the mark of a CID. Nothing of ours is called
 * so; what is to become of them is left to the general codec.
 */
export function isOddKey(key: string): boolean {
  return key === '/' || key === '__proto__'
}
