import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { createContext, runInContext, runInThisContext } from 'node:vm'
import { expect, test } from 'vitest'
import { sha256 } from '#crypto'
import { fromHex, toHex } from '../testing/fixtures.ts'
import { bytesEqual, concat } from '../wire.ts'
import { edgeCases, type ProofCase, publishedCases } from './testdata/proof-cases.ts'
import vectors from './testdata/tlog-vectors.json' with { type: 'json' }

// Each mutant is a verifier with one mistake. The cases must tell every one of them from the right one: those that the
// published vectors alone let through are why there are more.

/** The parts of the sources in which a mistake is made; what it replaces must occur there exactly once. */
type Part = 'hash' | 'inclusion' | 'consistency' | 'helpers'
type Mutant = readonly [part: Part, from: string, to: string]

const source = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8')
const [before = '', inclusion = '', consistency = '', helpers = ''] = source('./verify.ts').split(
  /(?=export function (?:verifyInclusion|verifyConsistency|isSize)\()/u,
)
const PARTS: Readonly<Record<Part, string>> = {
  hash: source('./hash.ts'),
  inclusion,
  consistency,
  helpers: before + helpers,
}

// Leaving out `fn !== 0n` is no mistake: with fn = 0 either sn = 0 has ended the proof, or the hash stands on the right.
const MUTANTS: readonly Mutant[] = [
  // Hashes
  ['hash', 'LEAF_PREFIX = Uint8Array.of(0)', 'LEAF_PREFIX = Uint8Array.of()'],
  ['hash', 'LEAF_PREFIX = Uint8Array.of(0)', 'LEAF_PREFIX = Uint8Array.of(1)'],
  ['hash', 'NODE_PREFIX = Uint8Array.of(1)', 'NODE_PREFIX = Uint8Array.of(0)'],
  ['hash', 'joined.set(NODE_PREFIX)', ''],
  ['hash', 'joined.set(left, 1)', 'joined.set(right, 1)'],
  ['hash', 'joined.set(right, 1 + HASH_BYTES)', 'joined.set(left, 1 + HASH_BYTES)'],
  ['hash', 'NODE_PREFIX, left, right', 'NODE_PREFIX, right, left'],
  // Inclusion
  ['inclusion', 'leafIndex >= treeSize', 'leafIndex > treeSize'],
  ['inclusion', ' || leafIndex >= treeSize', ''],
  ['inclusion', '!isSize(leafIndex) || ', ''],
  ['inclusion', '!isSize(treeSize) || ', ''],
  ['inclusion', '!isHash(leafHash) || ', ''],
  ['inclusion', '!isHash(root) || ', ''],
  ['inclusion', ' || !isProof(proof)', ''],
  ['inclusion', 'if (sn === 0n) return false', ''],
  ['inclusion', 'isOdd(fn) || fn === sn', 'isOdd(fn)'],
  ['inclusion', 'isOdd(fn) || fn === sn', 'fn === sn'],
  ['inclusion', 'isOdd(fn) || fn === sn', 'isOdd(fn) || sn === 0n'],
  ['inclusion', 'nodeHash(sibling, hash)', 'nodeHash(hash, sibling)'],
  ['inclusion', 'nodeHash(hash, sibling)', 'nodeHash(sibling, hash)'],
  ['inclusion', 'while (!isOdd(fn) && fn !== 0n)', 'while (false)'],
  ['inclusion', 'while (!isOdd(fn) && fn !== 0n)', 'while (fn !== 0n)'],
  ['inclusion', 'treeSize - 1n', 'treeSize'],
  ['inclusion', 'sn === 0n && bytesEqual', 'bytesEqual'],
  ['inclusion', ' && bytesEqual(hash, root)', ''],
  ['inclusion', 'let fn = leafIndex', 'let fn = BigInt(Number(leafIndex))'],
  ['inclusion', 'let fn = leafIndex', 'let fn = BigInt.asUintN(32, leafIndex)'],
  ['inclusion', 'let fn = leafIndex', 'let fn = BigInt.asIntN(32, leafIndex)'],
  ['inclusion', 'let fn = leafIndex', 'let fn = BigInt.asIntN(64, leafIndex)'],
  ['inclusion', '= treeSize - 1n', '= BigInt(Number(treeSize) - 1)'],
  ['inclusion', '= treeSize - 1n', '= BigInt.asUintN(32, treeSize - 1n)'],
  ['inclusion', '= treeSize - 1n', '= BigInt(Number(treeSize - 1n) >>> 0)'],
  // Consistency
  ['consistency', ' || size1 > size2', ''],
  ['consistency', '!isSize(size1) || ', ''],
  ['consistency', '!isSize(size2) || ', ''],
  ['consistency', '!isHash(root1) || ', ''],
  ['consistency', '!isHash(root2) || ', ''],
  ['consistency', ' || !isProof(proof)', ''],
  ['consistency', 'if (size1 === size2) return proof.length === 0 && bytesEqual(root1, root2)', ''],
  ['consistency', 'return proof.length === 0 && bytes', 'return bytes'],
  ['consistency', 'proof.length === 0 && bytesEqual(root1, root2)', 'proof.length === 0'],
  ['consistency', 'if (size1 === 0n || proof', 'if (proof'],
  ['consistency', 'isPowerOfTwo(size1) ? [root1, ...proof] : [...proof]', '[...proof]'],
  ['consistency', 'isPowerOfTwo(size1) ? [root1, ...proof] : [...proof]', '[root1, ...proof]'],
  ['consistency', 'isPowerOfTwo(size1)', 'size1 === 1n'],
  ['consistency', 'while (isOdd(fn))', 'while (false)'],
  ['consistency', 'if (sn === 0n) return false', ''],
  ['consistency', 'isOdd(fn) || fn === sn', 'isOdd(fn)'],
  ['consistency', 'isOdd(fn) || fn === sn', 'fn === sn'],
  ['consistency', 'old = nodeHash(hash, old)', 'old = nodeHash(old, hash)'],
  ['consistency', 'old = nodeHash(hash, old)', ''],
  ['consistency', 'grown = nodeHash(hash, grown)', 'grown = nodeHash(grown, hash)'],
  ['consistency', 'grown = nodeHash(grown, hash)', 'grown = nodeHash(hash, grown)'],
  ['consistency', 'while (!isOdd(fn) && fn !== 0n)', 'while (false)'],
  ['consistency', 'return sn === 0n && ', 'return '],
  ['consistency', ' && bytesEqual(old, root1)', ''],
  ['consistency', ' && bytesEqual(grown, root2)', ''],
  ['consistency', 'let fn = size1 - 1n', 'let fn = BigInt(Number(size1) - 1)'],
  ['consistency', 'let fn = size1 - 1n', 'let fn = BigInt.asUintN(32, size1 - 1n)'],
  ['consistency', 'let fn = size1 - 1n', 'let fn = BigInt.asIntN(64, size1 - 1n)'],
  ['consistency', 'let sn = size2 - 1n', 'let sn = BigInt(Number(size2) - 1)'],
  ['consistency', 'let sn = size2 - 1n', 'let sn = BigInt.asIntN(32, size2 - 1n)'],
  ['consistency', 'let sn = size2 - 1n', 'let sn = size2'],
  // What both stand on
  ['helpers', 'SIZE_END = 2n ** 64n', 'SIZE_END = 2n ** 63n'],
  ['helpers', 'SIZE_END = 2n ** 64n', 'SIZE_END = 2n ** 53n'],
  ['helpers', 'SIZE_END = 2n ** 64n', 'SIZE_END = 2n ** 128n'],
  ['helpers', 'PROOF_HASHES_MAX = 65', 'PROOF_HASHES_MAX = 64'],
  ['helpers', "typeof value === 'bigint' && ", ''],
  ['helpers', 'value >= 0n && ', ''],
  ['helpers', '!Array.isArray(value) || ', ''],
  ['helpers', 'if (!isHash(hash)) return false', ';'],
  ['helpers', 'value & (value - 1n)', 'value & 1n'],
  ['helpers', '(value & 1n) === 1n', '(value & 3n) === 1n'],
]

interface Verifiers {
  readonly leafHash: (entry: Uint8Array) => Uint8Array
  readonly nodeHash: (left: Uint8Array, right: Uint8Array) => Uint8Array
  readonly verifyInclusion: (claim: unknown) => boolean
  readonly verifyConsistency: (claim: unknown) => boolean
}

/** The two source files as one script, without types and modules. */
function load(parts: Readonly<Record<Part, string>>): Verifiers {
  const typescript = [parts.hash, parts.helpers, parts.inclusion, parts.consistency].join('\n')
  const script = stripTypeScriptTypes(typescript)
    .replaceAll(/^import .*$/gmu, '')
    .replaceAll(/^export /gmu, '')
  const exports = '{ leafHash, nodeHash, verifyInclusion, verifyConsistency }'
  const factory: unknown = runInThisContext(
    `(sha256, concat, bytesEqual) => { ${script}\n; return ${exports} }`,
  )
  return (factory as (...imports: unknown[]) => Verifiers)(sha256, concat, bytesEqual)
}

function mutate([part, from, to]: Mutant): Verifiers {
  const text = PARTS[part]
  expect([from, text.split(from).length - 1]).toEqual([from, 1])
  return load({ ...PARTS, [part]: text.replace(from, () => to) })
}

const CASES = [...publishedCases(), ...edgeCases()]
/** Far above what the right verifier takes for all of them; a mutant may never end. */
const TIMEOUT_MS = 8_000

/** The first case that the verifiers get wrong, `time` when they do not come to an end, or `undefined`. */
function failureOf(verifiers: Verifiers): string | undefined {
  const judge = () =>
    hashFailure(verifiers) ?? CASES.find((item) => !isRight(verifiers, item))?.what
  try {
    return runInContext('judge()', createContext({ judge }), { timeout: TIMEOUT_MS }) as
      | string
      | undefined
  } catch {
    return 'time'
  }
}

function isRight(verifiers: Verifiers, { verifier, claim, expected }: ProofCase): boolean {
  try {
    const answer =
      verifier === 'inclusion'
        ? verifiers.verifyInclusion(claim)
        : verifiers.verifyConsistency(claim)
    return answer === expected
  } catch (error) {
    // A throw is wrong; but the end of the time must reach who set it.
    if (error instanceof Error && 'code' in error) throw error
    return false
  }
}

function hashFailure({ leafHash, nodeHash }: Verifiers): string | undefined {
  const tree = vectors.ct_reference_tree
  const [first = '', second = ''] = tree.leaves_hex
  const utf8 = (text: string) => new TextEncoder().encode(text)
  const wrong = vectors.hash_primitives.vectors.slice(1).find((vector) => {
    const { leaf_utf8: leaf, left_utf8: left = '', right_utf8: right = '' } = vector
    const hash = leaf === undefined ? nodeHash(utf8(left), utf8(right)) : leafHash(utf8(leaf))
    return toHex(hash) !== vector.expect
  })
  if (wrong !== undefined) return wrong.what
  const root = nodeHash(leafHash(fromHex(first)), leafHash(fromHex(second)))
  return toHex(root) === tree.root_by_size_hex[2] ? undefined : 'the tree of two entries'
}

test('the right verifiers pass every case', () => {
  expect(failureOf(load(PARTS))).toBeUndefined()
  expect(CASES.length).toBeGreaterThan(1000)
})

test.each(MUTANTS)(
  '%s: %s → %s is caught',
  (...mutant) => {
    expect(failureOf(mutate(mutant))).toBeDefined()
  },
  2 * TIMEOUT_MS,
)
