import fc from 'fast-check'
import {
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from '../log/checkpoint.ts'
import { cosignerOf, verifyCosignature } from '../log/cosignature.ts'
import { decodeEntryBundle, decodeHashTile, encodeEntryBundle } from '../log/entry-bundle.ts'
import { leafHash } from '../log/hash.ts'
import { noteSignerOf, openNote, signNote } from '../log/note.ts'
import { isQuorumMet, openByPolicy, parsePolicy } from '../log/policy.ts'
import { formatProof, parseProof, verifyProof } from '../log/proof.ts'
import { openPersonal, sealPersonal } from '../log/sealed.ts'
import { parseTilePath, tilePath } from '../log/tile-path.ts'
import { proveConsistency, proveInclusion, rootOfLeaves } from '../log/tree.ts'
import { formatVerifierKey, parseVerifierKey } from '../log/verifier-key.ts'
import {
  type ConsistencyClaim,
  type InclusionClaim,
  verifyConsistency,
  verifyInclusion,
} from '../log/verify.ts'
import { decideAddCheckpoint, parseAddCheckpoint } from '../log/witness.ts'
import { formatAddCheckpoint } from '../log/witness-client.ts'
import { bytesEqual, concat, decodeCanonical, encodeCanonical, utf8 } from '../wire.ts'
import { signerFrom } from './fixtures.ts'
import { like, mutated } from './fuzz-mutations.ts'
import { mustBeSame, mustHold, type Target, unlessRefused } from './fuzz-target.ts'

const LOG = noteSignerOf('log.example/fuzz', signerFrom(21))
const OTHER = noteSignerOf('log.example/other', signerFrom(22))
const WITNESS = cosignerOf('witness.example/fuzz', signerFrom(23))
const KEYS = [LOG.vkey, OTHER.vkey, WITNESS.vkey]
const ENTRIES = Array.from({ length: 21 }, (_, i) => utf8(`entry ${i}`))
const LEAVES = ENTRIES.map(leafHash)
const SEAL_KEY = new Uint8Array(32).fill(3)

const headOf = (size: number) => ({ size: BigInt(size), root: rootOfLeaves(LEAVES.slice(0, size)) })
const CHECKPOINTS = [0, 1, 20, 21].map((size) => signCheckpoint(LOG, headOf(size)))
const [, , AT_20 = '', AT_21 = ''] = CHECKPOINTS
const COSIGNED = `${AT_21}${WITNESS.cosign(formatCheckpoint({ origin: LOG.name, ...headOf(21) }), 5n)}\n`
const PROOF = formatProof({ index: 7n, hashes: proveInclusion(LEAVES, 7n), checkpoint: COSIGNED })
const REQUEST = formatAddCheckpoint({
  oldSize: 20n,
  proof: proveConsistency(LEAVES, 20n),
  checkpoint: AT_21,
})
/** Signed by the log, and no tree of the same entries. */
const FORK = formatAddCheckpoint({
  oldSize: 20n,
  proof: proveConsistency(LEAVES.toReversed(), 20n),
  checkpoint: signCheckpoint(LOG, { size: 21n, root: rootOfLeaves(LEAVES.toReversed()) }),
})
const POLICY = `log ${LOG.vkey} https://log.example\nwitness w ${WITNESS.vkey}\ngroup g any w\nquorum g\n`

const texts = (...samples: readonly string[]) => mutated(fc.constantFrom(...samples.map(utf8)))
/** Text of bytes that may be no UTF-8. */
const textOf = (input: Uint8Array): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(input)

/** Readers and verifiers of the transparency log. */
export const logTargets: readonly Target[] = [
  {
    name: 'notes',
    cost: 'signed',
    inputs: texts(signNote('text\n', LOG, OTHER), signNote('a\n\nb\n', OTHER), COSIGNED),
    run: (input) => {
      const note = unlessRefused(() => openNote(input, KEYS))
      if (note !== undefined) mustHold(input.byteLength > note.text.length, 'a text from nowhere')
      unlessRefused(() => openNote(textOf(input), KEYS))
    },
  },
  {
    name: 'checkpoints',
    cost: 'signed',
    inputs: texts(
      ...CHECKPOINTS,
      COSIGNED,
      formatCheckpoint({ origin: 'o', ...headOf(3), extensions: ['x'] }),
    ),
    run: (input) => {
      const parsed = unlessRefused(() => parseCheckpoint(input))
      if (parsed !== undefined) {
        const text = formatCheckpoint(parsed)
        mustHold(textOf(input).startsWith(text), 'another body than was read')
      }
      unlessRefused(() => openCheckpoint(input, LOG.vkey, [WITNESS.vkey]))
    },
  },
  {
    name: 'verifier-keys',
    cost: 'cheap',
    inputs: texts(...KEYS),
    run: (input) => {
      const text = textOf(input)
      const key = unlessRefused(() => parseVerifierKey(text))
      if (key === undefined) return
      mustHold(formatVerifierKey(key.name, key.kind, key.publicKey) === text, 'two forms of a key')
    },
  },
  {
    name: 'cosignatures',
    cost: 'signed',
    inputs: mutated(fc.constant(new Uint8Array(72))),
    run: (input) => {
      const time = verifyCosignature(parseVerifierKey(WITNESS.vkey).publicKey, 'text\n', input)
      mustHold(time === undefined, 'a cosignature that nobody made')
    },
  },
  {
    name: 'tile-paths',
    cost: 'cheap',
    inputs: texts('tile/0/000', 'tile/1/x001/234.p/7', 'tile/entries/x999/x999/999.p/255'),
    run: (input) => {
      const path = textOf(input)
      const name = unlessRefused(() => parseTilePath(path))
      if (name === undefined) return
      mustHold(tilePath(name.level, name.index, name.width) === path, 'two paths of one tile')
    },
  },
  {
    name: 'tiles',
    cost: 'cheap',
    inputs: mutated(fc.constantFrom(encodeEntryBundle(ENTRIES), concat(LEAVES), new Uint8Array(0))),
    run: (input) => {
      for (const width of [1, 3, 21, 256]) {
        const entries = unlessRefused(() => decodeEntryBundle(input, width))
        if (entries !== undefined) mustBeSame(input, encodeEntryBundle(entries))
        const hashes = unlessRefused(() => decodeHashTile(input, width))
        if (hashes !== undefined) mustBeSame(input, concat(hashes))
      }
    },
  },
  {
    name: 'tree-proofs',
    cost: 'cheap',
    inputs: like(
      [7n, 21n, LEAVES[7], headOf(21).root, ...proveInclusion(LEAVES, 7n)],
      [20n, 21n, headOf(20).root, headOf(21).root, ...proveConsistency(LEAVES, 20n)],
    ),
    run: runClaims,
  },
  {
    name: 'tlog-proofs',
    cost: 'signed',
    inputs: texts(
      PROOF,
      formatProof({ index: 0n, extra: utf8('x'), hashes: [], checkpoint: AT_20 }),
    ),
    run: (input) => {
      const proof = unlessRefused(() => parseProof(input))
      if (proof !== undefined)
        mustHold(formatProof(proof) === textOf(input), 'two forms of a proof')
      const trust = { logKey: LOG.vkey, witnessKeys: [WITNESS.vkey] }
      const verified = unlessRefused(() => verifyProof(input, utf8('entry 7'), trust))
      mustHold(verified === undefined || verified.index === 7n, 'an entry in another place')
      unlessRefused(() => verifyProof(input, utf8('entry 7'), { policy: parsePolicy(POLICY) }))
    },
  },
  {
    name: 'policies',
    cost: 'signed',
    inputs: texts(POLICY, `# none\nlog ${LOG.vkey}\nquorum none\n`),
    run: (input) => {
      const policy = unlessRefused(() => parsePolicy(textOf(input)))
      if (policy === undefined) return
      isQuorumMet(policy, [])
      unlessRefused(() => openByPolicy(COSIGNED, policy))
    },
  },
  {
    name: 'witness-requests',
    cost: 'signed',
    inputs: texts(
      REQUEST,
      FORK,
      formatAddCheckpoint({ oldSize: 0n, proof: [], checkpoint: AT_20 }),
    ),
    run: (input) => {
      const parsed = unlessRefused(() => parseAddCheckpoint(input))
      if (parsed !== undefined) {
        mustHold(textOf(input).endsWith(parsed.checkpoint), 'a checkpoint from nowhere')
      }
      const context = { logKeys: [LOG.vkey], cosigner: WITNESS, nowSeconds: 9n }
      const decision = decideAddCheckpoint(context, AT_20, input)
      if (decision.status !== 200) return
      const { size, root } = openCheckpoint(decision.latest, LOG.vkey)
      const isKnown = [20, 21].some((known) => {
        const head = headOf(known)
        return head.size === size && bytesEqual(head.root, root)
      })
      mustHold(isKnown, 'a tree that its log never signed')
    },
  },
  {
    name: 'sealed-data',
    cost: 'cheap',
    inputs: mutated(fc.constant(sealPersonal(SEAL_KEY, new Uint8Array(24), utf8('name')))),
    run: (input) => {
      const opened = unlessRefused(() => openPersonal(SEAL_KEY, input))
      mustHold(opened === undefined || bytesEqual(opened, utf8('name')), 'opened to something else')
    },
  },
]

/** The same list, taken once as an inclusion and once as a consistency claim: false, or true, and never a throw. */
function runClaims(input: Uint8Array): void {
  const list = unlessRefused(() => decodeCanonical(input, 1 << 20))
  if (!Array.isArray(list)) return
  const [a, b, c, d, ...proof] = list.map((item: unknown) =>
    typeof item === 'number' ? BigInt(item) : item,
  )
  const inclusion = { leafIndex: a, treeSize: b, leafHash: c, root: d, proof }
  const consistency = { size1: a, size2: b, root1: c, root2: d, proof }
  // Whatever a caller has read from somewhere: of any type.
  const isIn = verifyInclusion(inclusion as InclusionClaim)
  const isPrefix = verifyConsistency(consistency as ConsistencyClaim)
  mustHold(!isIn || !isPrefix || a === b, 'one claim proves two things')
  mustBeSame(input, encodeCanonical(list))
}
