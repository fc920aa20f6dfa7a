import { concat, encodeEntryBundle, leafHash, rootOfLeaves, tilePath } from '@hanse/protocol'
import { toHex } from '@hanse/protocol/testing'

/** One full tile, and a partial one of four beside it. */
const SIZE = 260
const ENTRIES = Array.from({ length: SIZE }, (_, i) =>
  Uint8Array.of(i >> 8, i & 0xff).subarray(i % 3 === 0 ? 0 : 1),
)

const NAMES: readonly (readonly [level: number | 'entries', index: bigint, width: number])[] = [
  [0, 0n, 256],
  [0, 0n, 1],
  [0, 999n, 255],
  [1, 1000n, 256],
  [7, 1_234_067n, 8],
  [63, 2n ** 64n - 1n, 256],
  ['entries', 0n, 256],
  ['entries', 123_456_789n, 12],
]

const REFUSED = [
  '',
  'tile',
  'tile/0',
  'tile/0/0',
  'tile/0/00',
  'tile/0/0000',
  'tile/00/000',
  'tile/64/000',
  'tile/-1/000',
  'tile/0/x000/000',
  'tile/0/001/000',
  'tile/0/x001/x000',
  'tile/0/000.p/0',
  'tile/0/000.p/256',
  'tile/0/000.p/01',
  'tile/0/000.p',
  'tile/0/000/',
  '/tile/0/000',
  'tile/entries/000.p/300',
  'tile/data/000',
  'tile/0/x018/x446/x744/x073/x709/x551/616',
  'tile/0/000\n',
]

export function tilesFile() {
  const leaves = ENTRIES.map(leafHash)
  const [first, last] = [leaves.slice(0, 256), leaves.slice(256)]
  const bundle = (width: number, bytes: string, why: string) => ({ why, width, bytes })
  const short = toHex(encodeEntryBundle(ENTRIES.slice(256)))
  return {
    about:
      'C2SP tlog-tiles: paths of tiles, and every tile and bundle of entries of one log. `log.entries` are its entries; ' +
      'a bundle has the length of each entry before it, in two bytes. `refused` have paths that name no tile, and ' +
      '`refusedBundles` bytes that are no bundle of `width` entries.',
    paths: NAMES.map(([level, index, width]) => ({
      level,
      index: index.toString(),
      width,
      path: tilePath(level, index, width),
    })),
    refused: REFUSED,
    log: {
      size: SIZE.toString(),
      root: toHex(rootOfLeaves(leaves)),
      entries: ENTRIES.map(toHex),
      tiles: {
        [tilePath(0, 0)]: toHex(concat(first)),
        [tilePath(0, 1, 4)]: toHex(concat(last)),
        [tilePath(1, 0, 1)]: toHex(rootOfLeaves(first)),
        [tilePath('entries', 0)]: toHex(encodeEntryBundle(ENTRIES.slice(0, 256))),
        [tilePath('entries', 1, 4)]: short,
      },
    },
    refusedBundles: [
      bundle(4, short.slice(0, -2), 'cut short'),
      bundle(4, `${short}00`, 'a byte after it'),
      bundle(3, short, 'an entry too many'),
      bundle(5, short, 'an entry too few'),
      bundle(1, '', 'nothing'),
      bundle(1, '00', 'half a length'),
      bundle(1, 'ffff00', 'a length beyond the end'),
    ],
  }
}
