import type { CID } from 'multiformats/cid'
import { expect, test } from 'vitest'
import { cidOf, encodeCanonical, utf8 } from '../wire.ts'
import { decodePlain } from './decode-plain.ts'

test('what is decoded from a Buffer of Node is no Buffer, and shares no memory with it', () => {
  const bytes = Buffer.from(
    encodeCanonical({ a: new Uint8Array(80).fill(1), cid: cidOf(utf8('x')) }),
  )
  const read = decodePlain(bytes) as { a: Uint8Array; cid: CID }
  bytes.fill(0)
  expect(Object.getPrototypeOf(read.a)).toBe(Uint8Array.prototype)
  expect(read.a).toEqual(new Uint8Array(80).fill(1))
  expect(read.cid.equals(cidOf(utf8('x')))).toBe(true)
})
