import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto'
import {
  encodeLine,
  Frontier,
  LogWriter,
  leafHash,
  lineOfSession,
  MemoryLogStore,
  noteSignerOf,
  openSigned,
  openStatement,
  order,
  orderSigners,
  proveInclusion,
  receipt,
  receiptSigners,
  rootOfLeaves,
  type SignedRecord,
  type StatementLine,
  signBytes,
  signRecord,
  statement,
  stateSessions,
  TileReader,
  verifyBundle,
  verifyInclusion,
} from '@hanse/protocol'
import {
  consumer,
  context,
  makeAcceptance,
  makeAuthorization,
  makeBundle,
  makeOrder,
  makeReceipts,
  NOW,
  provider,
  TRUST,
} from '@hanse/protocol/testing'
import { verifySubmission } from '@hanse/settlement/rules'

/** Something of ours beside what it is measured against; each function says how many it did. */
export interface Comparison {
  readonly title: string
  readonly against: string
  readonly ours: () => number | Promise<number>
  readonly raw: () => number | Promise<number>
  readonly limit?: number
}

/** The key that PKCS #8 wraps around a seed of 32 bytes (RFC 8410). */
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 1)]),
  format: 'der',
  type: 'pkcs8',
})
const publicKey = createPublicKey(privateKey)

/** Raw Ed25519 by node:crypto with the keys kept, over as many bytes as a receipt has. */
function rawSignatures(bytes: number, many: number): { signs: () => number; checks: () => number } {
  const message = Buffer.alloc(bytes, 7)
  const signature = sign(null, message, privateKey)
  return {
    signs: () => {
      for (let i = 0; i < many; i++) sign(null, message, privateKey)
      return 1
    },
    checks: () => {
      for (let i = 0; i < many; i++) {
        if (!verify(null, message, publicKey, signature)) throw new Error('does not verify')
      }
      return 1
    },
  }
}

const NODE = Buffer.alloc(65, 1)
/** Raw SHA-256 of as many bytes as an inner node of a tree has. */
const rawHashes = (many: number) => (): number => {
  for (let i = 0; i < many; i++) hash('sha256', NODE, 'buffer')
  return 1
}

export function protocolComparisons(): Comparison[] {
  return [...records(), ...statements(), ...log()]
}

function records(): Comparison[] {
  const ordered = makeOrder()
  const accepted = makeAcceptance(ordered)
  const receipts = makeReceipts(ordered, accepted)
  const last = receipts.at(-1)
  if (last === undefined) throw new Error('no receipt')
  const signers = receiptSigners(consumer.peerId, provider.peerId)
  const raw = rawSignatures(last.bytes.byteLength + 40, 1)
  const twice = rawSignatures(last.bytes.byteLength + 40, 2)
  const four = rawSignatures(last.bytes.byteLength + 40, 4)
  const bundle = makeBundle()
  const inBundle = rawSignatures(last.bytes.byteLength + 40, 5 + 2 * receipts.length)
  const submission = {
    order: ordered,
    acceptance: accepted,
    authorization: null,
    attestation: null,
    receipt: last,
  }
  const facts = {
    network: context.network,
    settlement: provider.peerId,
    trustedAttestors: [],
    now: NOW,
    receiptGraceMs: 1000,
  }
  return [
    {
      title: 'receipt: encode, name, sign',
      against: 'Ed25519 sign',
      ours: () => {
        signRecord(context, receipt, last.value, 'provider', provider)
        return 1
      },
      raw: raw.signs,
    },
    {
      title: 'order: decode, name, check 1 signature',
      against: 'Ed25519 verify',
      ours: () => {
        openSigned(context, order, ordered, orderSigners)
        return 1
      },
      raw: raw.checks,
    },
    {
      title: 'receipt: decode, name, check 2 signatures',
      against: '2 × Ed25519 verify',
      ours: () => {
        openSigned(context, receipt, last, signers)
        return 1
      },
      raw: twice.checks,
      limit: 1.5,
    },
    {
      title: 'submission: order, acceptance, receipt',
      against: '4 × Ed25519 verify',
      ours: () => {
        verifySubmission(submission, facts)
        return 1
      },
      raw: four.checks,
    },
    {
      title: 'bundle of 3 receipts: every check',
      against: '11 × Ed25519 verify',
      ours: () => {
        if (!verifyBundle(bundle, TRUST).verified) throw new Error('does not verify')
        return 1
      },
      raw: inBundle.checks,
    },
  ]
}

const SESSIONS = 200

function statements(): Comparison[] {
  const lines = sessions(SESSIONS)
  const terms = {
    consumer: consumer.peerId,
    provider: provider.peerId,
    authorization: makeAuthorization().cid,
    residency: { allow: ['EU'], minLevel: 3 },
    lane: 0,
  }
  const propose = () =>
    signRecord(context, statement, stateSessions(terms, undefined, lines), 'provider', provider)
  const proposed = propose()
  const ours = signBytes(context, statement, proposed.bytes, 'consumer', consumer)
  const signed: SignedRecord = {
    bytes: proposed.bytes,
    signatures: [...proposed.signatures, ours],
  }
  const encoded = lines.map(encodeLine)
  const ordered = makeOrder()
  const [single] = makeReceipts(ordered, makeAcceptance(ordered), 1)
  if (single === undefined) throw new Error('no receipt')
  const signers = receiptSigners(consumer.peerId, provider.peerId)
  return [
    {
      title: `Statement of ${SESSIONS} sessions: every check`,
      against: `${SESSIONS} receipts, each checked`,
      ours: () => {
        openStatement(context, signed, encoded)
        return 1
      },
      raw: () => {
        for (let i = 0; i < SESSIONS; i++) openSigned(context, receipt, single, signers)
        return 1
      },
      limit: 0.05,
    },
    {
      title: `Statement of ${SESSIONS} sessions: make, sign`,
      against: 'Ed25519 sign',
      ours: () => {
        propose()
        return 1
      },
      raw: rawSignatures(proposed.bytes.byteLength, 1).signs,
    },
  ]
}

function sessions(count: number): StatementLine[] {
  return Array.from({ length: count }, (_, i) => {
    const ordered = makeOrder({ nonce: Uint8Array.from({ length: 16 }, (_, at) => (i >> at) & 1) })
    const accepted = makeAcceptance(ordered)
    const [last] = makeReceipts(ordered, accepted, 1)
    const line = last && lineOfSession(ordered, accepted.value, last)
    if (line === undefined) throw new Error('no final receipt')
    return line
  })
}

/** Leaves of the tree that proofs are made of: 2²⁰ would take a second to build, and a proof only grows by its depth. */
const LEAVES = 2 ** 14
const DEPTH = 14
const BATCH = 256

function log(): Comparison[] {
  const entry = new Uint8Array(32).fill(9)
  const leaves = Array.from({ length: LEAVES }, (_, i) => leafHash(Uint8Array.of(i >> 8, i & 255)))
  const root = rootOfLeaves(leaves)
  const leafIndex = BigInt((LEAVES / 3) | 0)
  const proof = proveInclusion(leaves, leafIndex)
  const leaf = leaves[Number(leafIndex)]
  if (leaf === undefined) throw new Error('no leaf')
  const claim = { leafIndex, treeSize: BigInt(LEAVES), leafHash: leaf, proof, root }
  const frontier = new Frontier()
  const entries = Array.from({ length: BATCH }, () => entry)
  let writer: Promise<LogWriter> | undefined
  let proofs: Promise<TileReader> | undefined
  return [
    {
      title: 'log: leaf hash and append to the tree',
      against: '2 × SHA-256',
      ours: () => {
        frontier.append(leafHash(entry))
        return 1
      },
      raw: rawHashes(2),
    },
    {
      title: `log: append with tiles, a checkpoint every ${BATCH}`,
      against: '2 × SHA-256',
      ours: async () => {
        writer ??= LogWriter.open(new MemoryLogStore(), noteSignerOf('bench.example/log', provider))
        await (await writer).append(entries)
        return BATCH
      },
      raw: rawHashes(2),
    },
    {
      title: 'log: make an inclusion proof from tiles',
      against: `${DEPTH} × SHA-256`,
      ours: async () => {
        proofs ??= tilesOf(leaves.length)
        await (await proofs).inclusionProof(leafIndex)
        return 1
      },
      raw: rawHashes(DEPTH),
    },
    {
      title: `log: check an inclusion proof of ${DEPTH} hashes`,
      against: `${DEPTH} × SHA-256`,
      ours: () => {
        if (!verifyInclusion(claim)) throw new Error('does not verify')
        return 1
      },
      raw: rawHashes(DEPTH),
    },
  ]
}

/** A reader of the tiles of a log of so many entries. */
async function tilesOf(entries: number): Promise<TileReader> {
  const store = new MemoryLogStore()
  const log = await LogWriter.open(store, noteSignerOf('bench.example/log', provider))
  await log.append(Array.from({ length: entries }, (_, i) => Uint8Array.of(i >> 8, i & 255)))
  return new TileReader((path) => store.read(path), BigInt(entries))
}
