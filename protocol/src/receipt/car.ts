import { CarBufferReader } from '@ipld/car/buffer-reader'
import * as CarBufferWriter from '@ipld/car/buffer-writer'
import { CID } from 'multiformats/cid'
import { HanseError } from '../errors.ts'
import { bytesEqual, cidOf } from '../wire.ts'

export interface CarFile {
  readonly root: CID
  readonly blocks: readonly { readonly cid: CID; readonly bytes: Uint8Array }[]
}

/** A CARv1 file (IPLD CAR specification) with one root, in the order given. */
export function writeCar({ root, blocks }: CarFile): Uint8Array {
  const header = CarBufferWriter.headerLength({ roots: [root] })
  const size = blocks.reduce((sum, block) => sum + CarBufferWriter.blockLength(block), header)
  const writer = CarBufferWriter.createWriter(new ArrayBuffer(size), { roots: [root] })
  for (const block of blocks) writer.write(block)
  return writer.close()
}

/**
 * Reads a CAR file and proves that it is the one our writer makes of its content: one root, no padding, no block whose
 * bytes are not what its CID says.
 *
 * @throws {HanseError} HANSE_RECORD_MALFORMED, HANSE_RECORD_NOT_CANONICAL
 */
export function readCar(bytes: Uint8Array): CarFile {
  let root: CID | undefined
  let blocks: CarFile['blocks']
  try {
    const reader = CarBufferReader.fromBytes(bytes)
    root = reader.getRoots()[0]
    blocks = reader.blocks()
  } catch (cause) {
    throw new HanseError('HANSE_RECORD_MALFORMED', 'not a CAR file', { cause })
  }
  if (root === undefined) throw new HanseError('HANSE_RECORD_MALFORMED', 'the CAR file has no root')
  for (const block of blocks) {
    if (!cidOf(block.bytes).equals(block.cid)) {
      throw new HanseError('HANSE_RECORD_MALFORMED', 'a block does not hash to its name')
    }
  }
  const file = { root: CID.parse(root.toString()), blocks }
  if (!bytesEqual(writeCar(file), bytes)) {
    throw new HanseError('HANSE_RECORD_NOT_CANONICAL', 'not the canonical form of this CAR file')
  }
  return file
}
