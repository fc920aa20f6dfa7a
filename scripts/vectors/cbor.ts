import { cidOf, decodeCanonical, encodeCanonical, modelKey } from '@hanse/protocol'
import { codeOf, fromHex, toHex } from '@hanse/protocol/testing'
import { tagged } from './json.ts'

/** Values whose bytes another encoder must make, too. */
const VALUES: readonly (readonly [why: string, value: unknown])[] = [
  ...[0n, 1n, 23n, 24n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n].map(
    (value): [string, unknown] => [`${value}`, value],
  ),
  ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n].map(
    (value): [string, unknown] => [`${value}`, value],
  ),
  ...[-1n, -24n, -25n, -256n, -257n, -(2n ** 53n), -(2n ** 64n)].map((value): [string, unknown] => [
    `${value}`,
    value,
  ]),
  ['false', false],
  ['true', true],
  ['null', null],
  ['no text', ''],
  ['text', 'Grüße, \u4e16\u754c \u{1F680}'],
  ['text with a byte order mark within', 'a\u{FEFF}'],
  ['text with NUL', '\u0000'],
  ['text of 24 bytes', 'x'.repeat(24)],
  ['text of 256 bytes', 'x'.repeat(256)],
  ['no bytes', new Uint8Array(0)],
  ['bytes', Uint8Array.of(0, 1, 255)],
  ['an empty list', []],
  ['lists', [1, [2, [3, []]], 'x', null]],
  ['a list of 24', Array.from({ length: 24 }, (_, i) => i)],
  ['an empty map', {}],
  ['a map, sorted by length and then by bytes', { b: 1, aa: 2, a: 3, é: 4, B: 5, ab: 6 }],
  ['keys that a text sort would place otherwise', { '\u{FFFD}': 1, '\u{10000}': 2 }],
  ['a key that objects have', Object.fromEntries([['constructor', 1]])],
  ['a link', cidOf(new Uint8Array(0))],
  ['a map of a link and bytes', { link: cidOf(Uint8Array.of(1)), bytes: Uint8Array.of(2) }],
  ['lists 16 deep', nested(16)],
]

const LINK = toHex(encodeCanonical(cidOf(new Uint8Array(0))))

/** Hex that no canonical encoder makes. */
const REFUSED: readonly (readonly [why: string, hex: string])[] = [
  ['nothing', ''],
  ['two items', '0000'],
  ['a number longer than need be, of one byte', '1817'],
  ['a number longer than need be, of two bytes', '1900ff'],
  ['a number longer than need be, of four bytes', '1a0000ffff'],
  ['a number longer than need be, of eight bytes', '1b00000000ffffffff'],
  ['a negative number longer than need be', '3817'],
  ['a half float', 'f93c00'],
  ['a float', 'fa3f800000'],
  ['a double', 'fb3ff8000000000000'],
  ['a double that is an integer', 'fb3ff0000000000000'],
  ['minus zero', 'fb8000000000000000'],
  ['not a number', 'fb7ff8000000000000'],
  ['infinity', 'fb7ff0000000000000'],
  ['undefined', 'f7'],
  ['a simple value', 'e0'],
  ['a simple value of two bytes', 'f8ff'],
  ['break', 'ff'],
  ['reserved information', '1c'],
  ['bytes without a length', '5f4101ff'],
  ['text without a length', '7f6161ff'],
  ['a list without a length', '9f01ff'],
  ['a map without a length', 'bf616101ff'],
  ['bytes longer than they are', '42ff'],
  ['text longer than it is', '6261'],
  ['a list longer than it is', '8201'],
  ['a map longer than it is', 'a2616101'],
  ['a map that ends after a key', 'a16161'],
  ['bytes of 2⁶⁴ − 1', '5bffffffffffffffff'],
  ['a list of 2⁶⁴ − 1', '9bffffffffffffffff'],
  ['a map of 2³² − 1', 'baffffffff'],
  ['a length longer than need be', '580101'],
  ['a list whose length is longer than need be', '980101'],
  ['keys out of order', 'a2616202616101'],
  ['keys out of order of length', 'a262616102616201'],
  ['a key twice', 'a2616101616102'],
  ['a number for a key', 'a10102'],
  ['bytes for a key', 'a1416101'],
  ['text that is not UTF-8', '61ff'],
  ['a surrogate in text', '63eda080'],
  ['an overlong NUL', '62c080'],
  ['text cut within a character', '61c3'],
  ['text that begins with a byte order mark', '63efbbbf'],
  ['a key that begins with a byte order mark', 'a163efbbbf01'],
  ['a tag other than 42', 'c001'],
  ['a big number', 'c249010000000000000000'],
  ['a link that is text', 'd82a6161'],
  ['a link without its zero byte', 'd82a412a'],
  ['a link of nothing', 'd82a40'],
  ['a link of a zero byte only', 'd82a4100'],
  ['a link cut short', `${LINK.slice(0, 6)}24${LINK.slice(8, -2)}`],
  ['a link with a byte more', `${LINK.slice(0, 6)}26${LINK.slice(8)}00`],
  ['tag 42 longer than need be', `d9002a${LINK.slice(4)}`],
  ['a tag within a tag', `d82a${LINK}`],
  ['lists 17 deep', `${'81'.repeat(17)}80`],
  ['lists 5000 deep', `${'81'.repeat(5000)}80`],
]

export function cborFile() {
  return {
    about:
      'Canonical DAG-CBOR, by itself: one item, shortest lengths, keys sorted by length and then by bytes, no floats, no ' +
      'tag but 42, UTF-8 that does not begin with a byte order mark, at most 16 levels of lists and maps within the ' +
      'outermost. `refused` are bytes that no canonical encoder makes; whether a reader calls them malformed or not ' +
      'canonical is its own affair.',
    values: VALUES.map(([why, value]) => ({
      why,
      value: tagged(value),
      bytes: toHex(encodeCanonical(value)),
    })),
    rawLink: toHex(encodeCanonical(modelKey('a/b', 'EU'))),
    refused: REFUSED.map(([why, hex]) => {
      const code = codeOf(() => decodeCanonical(fromHex(hex), 1 << 20))
      if (code !== 'HANSE_RECORD_MALFORMED' && code !== 'HANSE_RECORD_NOT_CANONICAL') {
        throw new Error(`${why}: ${code}`)
      }
      return { why, bytes: hex, code }
    }),
  }
}

function nested(depth: number): unknown {
  return depth === 0 ? [] : [nested(depth - 1)]
}
