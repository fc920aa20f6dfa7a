import { describe, expect, test } from 'vitest'
import type { Signer } from '../../identity/keys.ts'
import { signCheckpoint } from '../../log/checkpoint.ts'
import { leafHash } from '../../log/hash.ts'
import { formatProof } from '../../log/proof.ts'
import { proveInclusion, rootOfLeaves } from '../../log/tree.ts'
import { signedFields } from '../../record/signed.ts'
import {
  consumer,
  makeAcceptance,
  makeAttestation,
  makeBundle,
  makeEvidence,
  makeOrder,
  NETWORK,
  NOW,
  settlement,
  stranger,
  TRUST,
  toHex,
} from '../../testing/fixtures.ts'
import { cidOf, concat, encodeCanonical, utf8 } from '../../wire.ts'
import { entryOfEvent } from '../event.ts'
import { AT, logSigner, makeLogKey, makeProof, SALT, SESSION } from '../testdata/settled.ts'
import { auditEntry } from './audit-entry.ts'
import { buildPackage } from './build-package.ts'
import { crc32 } from './crc32.ts'
import { MANIFEST_PATH, type PackageManifest, SUMS_PATH } from './manifest.ts'
import { isPackage, type PackageReport, verifyPackage } from './verify-package.ts'
import { PACKAGE_FILES_MAX, type PackageFile, readZip, writeZip } from './zip.ts'

/** A file `a/b` that says `hanse`, as Python's zipfile writes it too, but for the flag of UTF-8 names and the file's mode. */
const GOLDEN =
  '504b0304140000080000000021003f027997050000000500000003000000612f6268616e7365504b01021400140000080000000021003f0279970500000005000000030000000000000000000000000000000000612f62504b0506000000000100010031000000260000000000'

const FACTS = { source: 'settlement', subject: 'org_1', at: NOW, from: NOW, to: NOW + 1 } as const
const EVENT = 'events/000000000004.cbor'
const made = makeProof({}, {}, 5)
const evidence = makeEvidence()
const attested = makeAttestation()
const session = SESSION.order.toString()

/** Everything that a settlement's package may hold, each file right. */
function goodFiles(): Map<string, Uint8Array> {
  const { event: body, salt, proof, consistency } = made.value
  const last = evidence.receipts.at(-1)
  const settled = {
    order: signedFields(evidence.order),
    acceptance: signedFields(evidence.acceptance),
    receipt: last && signedFields(last),
  }
  const line = { leaf: '4', kind: 'receipt-settled', at: new Date(AT).toISOString(), details: null }
  return new Map([
    [EVENT, auditEntry.encode({ body, salt, proof })],
    ['events.jsonl', utf8(`${JSON.stringify(line)}\n`)],
    ['log/checkpoint', utf8(made.checkpoint(7))],
    ['log/key.cbor', encodeCanonical(signedFields(makeLogKey()))],
    ['log/consistency.cbor', encodeCanonical({ ...consistency })],
    [`sessions/${session}.cbor`, encodeCanonical(settled)],
    [`sessions/${session}.car`, makeBundle()],
    [`attestations/${attested.cid.toString()}.cbor`, encodeCanonical(signedFields(attested))],
    ['policies/version-1.json', utf8('{}')],
    ['summary.en.pdf', utf8('%PDF')],
    ['notes/anything', utf8('?')],
  ])
}

const listOf = (files: ReadonlyMap<string, Uint8Array>): PackageFile[] =>
  [...files].map(([path, bytes]) => ({ path, bytes }))

function pack(
  change: (files: Map<string, Uint8Array>) => void = () => {},
  facts: Partial<PackageManifest> = {},
  signer: Signer = settlement,
): Uint8Array {
  const files = goodFiles()
  change(files)
  return buildPackage({ network: NETWORK }, { ...FACTS, ...facts }, listOf(files), signer)
}

const verify = (bytes: Uint8Array, trust = {}): PackageReport =>
  verifyPackage(bytes, { ...TRUST, ...trust })
const failed = (bytes: Uint8Array, trust = {}): string[] =>
  verify(bytes, trust)
    .checks.filter(({ status }) => status === 'failed')
    .map(({ path }) => path)
const detailOf = (bytes: Uint8Array, path: string, trust = {}): string | undefined =>
  verify(bytes, trust).checks.find((check) => check.path === path)?.detail

const good = pack()

test('a whole package says for each file what it proves', () => {
  const { verified, checks, manifest } = verify(good)
  expect(checks.filter(({ status }) => status === 'failed')).toEqual([])
  expect(verified).toBe(true)
  expect(manifest).toMatchObject({ issuer: settlement.peerId, subject: 'org_1' })
  const status = Object.fromEntries(checks.map(({ path, status: of }) => [path, of]))
  expect(status).toEqual({
    package: 'ok',
    [MANIFEST_PATH]: 'ok',
    [SUMS_PATH]: 'ok',
    [EVENT]: 'ok',
    'events.jsonl': 'unproved',
    'log/checkpoint': 'ok',
    'log/key.cbor': 'ok',
    'log/consistency.cbor': 'unproved',
    [`sessions/${session}.cbor`]: 'ok',
    [`sessions/${session}.car`]: 'unproved',
    [`attestations/${attested.cid.toString()}.cbor`]: 'ok',
    'policies/version-1.json': 'unproved',
    'summary.en.pdf': 'unproved',
    'notes/anything': 'unproved',
  })
  expect(detailOf(good, EVENT)).toContain('receipt-settled')
  expect(detailOf(good, EVENT)).toContain('entry 4 of 7')
})

test('the same files give the same bytes, in whatever order they come', () => {
  const reversed = listOf(goodFiles()).toReversed()
  expect(buildPackage({ network: NETWORK }, FACTS, reversed, settlement)).toEqual(good)
  expect(isPackage(good)).toBe(true)
  expect(isPackage(makeBundle())).toBe(false)
})

test('whom the reader trusts decides what is proved', () => {
  const nobody = { settlements: [], attestors: [] }
  const unproved = verify(good, nobody)
    .checks.filter(({ status }) => status === 'unproved')
    .map(({ path }) => path)
  expect(unproved).toContain(MANIFEST_PATH)
  expect(unproved).toContain(`attestations/${attested.cid.toString()}.cbor`)
  expect(failed(good, { network: 'elsewhere' })).toEqual([MANIFEST_PATH])
  const remembering = { checkpoint: { note: made.checkpoint(5) } }
  expect(detailOf(good, 'log/consistency.cbor', remembering)).toMatch(/only grew/u)
  const forked = { checkpoint: { note: made.checkpoint(5, true) } }
  expect(failed(good, forked)).toEqual(['log/consistency.cbor'])
})

describe('a byte that was changed', () => {
  const offsets = readZip(good).map(({ path, bytes }) => ({
    path,
    start: bytes.byteOffset - good.byteOffset,
    end: bytes.byteOffset - good.byteOffset + bytes.byteLength,
  }))
  const flipped = (at: number): Uint8Array => {
    const bytes = good.slice()
    bytes[at] = (bytes[at] ?? 0) ^ 0x10
    return bytes
  }

  test('in a file is shown at that file', () => {
    for (const { path, start, end } of offsets) {
      for (const at of [start, Math.floor((start + end) / 2), end - 1]) {
        expect(failed(flipped(at)), `${path} at ${at}`).toContain(path)
      }
    }
  })

  test('between the files is shown as well', () => {
    const isInside = (at: number) => offsets.some(({ start, end }) => at >= start && at < end)
    for (let at = 0; at < good.byteLength; at++) {
      if (isInside(at)) continue
      expect(verify(flipped(at)).verified, `at ${at}`).toBe(false)
    }
  })

  test('is missed nowhere when bytes are cut off or added', () => {
    expect(verify(good.subarray(0, -1)).verified).toBe(false)
    expect(verify(good.subarray(1)).verified).toBe(false)
    expect(verify(concat([good, Uint8Array.of(0)])).verified).toBe(false)
    expect(verify(new Uint8Array()).verified).toBe(false)
  })
})

describe('files that are not those of the manifest', () => {
  const repacked = (change: (files: PackageFile[]) => PackageFile[]) =>
    writeZip(change(readZip(good)))

  test('are missing, more, twice, or swapped', () => {
    const without = repacked((files) => files.filter(({ path }) => path !== EVENT))
    expect(failed(without)).toContain(EVENT)
    const more = repacked((files) => [...files, { path: 'more', bytes: utf8('?') }])
    expect(failed(more)).toEqual(['more'])
    const twice = repacked((files) =>
      files.flatMap((file) => (file.path === EVENT ? [file, file] : [file])),
    )
    expect(failed(twice)).toContain(EVENT)
    const swapped = repacked((files) =>
      files.map(({ path, bytes }) => ({
        path: path === EVENT ? 'notes/anything' : path === 'notes/anything' ? EVENT : path,
        bytes,
      })),
    )
    expect(failed(swapped)).toEqual(expect.arrayContaining([EVENT, 'notes/anything']))
  })

  test('without a manifest, or with another’s, are nothing', () => {
    const none = repacked((files) => files.filter(({ path }) => path !== MANIFEST_PATH))
    expect(failed(none)).toEqual([MANIFEST_PATH])
    const forged = pack(() => {}, {}, stranger)
    const manifest = readZip(forged).find(({ path }) => path === MANIFEST_PATH)
    const theirs = repacked((files) =>
      files.map((file) => (file.path === MANIFEST_PATH && manifest ? manifest : file)),
    )
    const { checks } = verify(theirs)
    expect(checks.find(({ path }) => path === MANIFEST_PATH)?.status).toBe('unproved')
    // The log's key is the real settlement's, so whoever signed cannot call the log theirs.
    expect(failed(theirs)).toContain('log/key.cbor')
  })
})

describe('lies of whoever signs', () => {
  /** An event in a log that somebody made up, under a checkpoint of the right form. */
  function madeUp(): { entry: Uint8Array; note: string } {
    const { event: body } = made.value
    const leaves = Array.from({ length: 7 }, () => leafHash(entryOfEvent(SALT, body)))
    const note = signCheckpoint(logSigner, { size: 7n, root: rootOfLeaves(leaves) })
    const hashes = proveInclusion(leaves, 4n)
    const proof = formatProof({ index: 4n, hashes, checkpoint: note })
    return { entry: auditEntry.encode({ body, salt: SALT, proof }), note }
  }
  const other = makeOrder({ maxInputTokens: 99n })

  test.each<[string, string, (files: Map<string, Uint8Array>) => void]>([
    ['an event under another checkpoint', EVENT, (files) => files.set(EVENT, madeUp().entry)],
    [
      'an event in another place',
      'events/000000000003.cbor',
      (files) => files.set('events/000000000003.cbor', files.get(EVENT) ?? SALT),
    ],
    [
      'another event with the proof of one',
      EVENT,
      (files) => {
        const { salt, proof } = made.value
        const body = makeProof({ kind: 'payout' }).value.event
        files.set(EVENT, auditEntry.encode({ body, salt, proof }))
      },
    ],
    ['no checkpoint', EVENT, (files) => files.delete('log/checkpoint')],
    [
      'a checkpoint of another log',
      'log/checkpoint',
      (files) => files.set('log/checkpoint', utf8('x.example\n1\n\n— x y\n')),
    ],
    [
      'a key that ended before the event',
      EVENT,
      (files) =>
        files.set('log/key.cbor', encodeCanonical(signedFields(makeLogKey({ notAfter: AT })))),
    ],
    [
      'a key by somebody else',
      'log/key.cbor',
      (files) =>
        files.set(
          'log/key.cbor',
          encodeCanonical(signedFields(makeLogKey({ settlement: stranger.peerId }, stranger))),
        ),
    ],
    [
      'a line that tells of another kind',
      'events.jsonl',
      (files) =>
        files.set(
          'events.jsonl',
          utf8(`{"leaf":"4","kind":"payout","at":"${new Date(AT).toISOString()}"}\n`),
        ),
    ],
    [
      'a line that tells of another time',
      'events.jsonl',
      (files) =>
        files.set(
          'events.jsonl',
          utf8(`{"leaf":"4","kind":"receipt-settled","at":"2026-01-01"}\n`),
        ),
    ],
    ['fewer lines than events', 'events.jsonl', (files) => files.set('events.jsonl', utf8(''))],
    [
      'a session under another’s name',
      `sessions/${other.cid.toString()}.cbor`,
      (files) =>
        files.set(
          `sessions/${other.cid.toString()}.cbor`,
          files.get(`sessions/${session}.cbor`) ?? SALT,
        ),
    ],
    [
      'receipts of another session',
      `sessions/${other.cid.toString()}.cbor`,
      (files) => {
        const last = evidence.receipts.at(-1)
        files.set(
          `sessions/${other.cid.toString()}.cbor`,
          encodeCanonical({
            order: signedFields(other),
            acceptance: signedFields(makeAcceptance(other)),
            receipt: last && signedFields(last),
          }),
        )
      },
    ],
    [
      'a bundle under another’s name',
      `sessions/${other.cid.toString()}.car`,
      (files) => files.set(`sessions/${other.cid.toString()}.car`, makeBundle()),
    ],
    [
      'an attestation that was changed',
      `attestations/${attested.cid.toString()}.cbor`,
      (files) => {
        const { signatures } = attested
        const changed = makeAttestation({ notAfter: NOW + 7_200_000 })
        files.set(
          `attestations/${attested.cid.toString()}.cbor`,
          encodeCanonical(signedFields({ bytes: changed.bytes, signatures })),
        )
      },
    ],
    [
      'an attestation under another’s name',
      `attestations/${cidOf(SALT).toString()}.cbor`,
      (files) =>
        files.set(
          `attestations/${cidOf(SALT).toString()}.cbor`,
          encodeCanonical(signedFields(attested)),
        ),
    ],
    [
      'consistency from a larger log',
      'log/consistency.cbor',
      (files) => files.set('log/consistency.cbor', encodeCanonical({ size: 9n, hashes: [] })),
    ],
  ])('%s is found at %s', (_, path, change) => {
    expect(failed(pack(change))).toContain(path)
  })

  test('a node’s package is signed in the name of its log, and by its key alone', () => {
    const vkey = (files: Map<string, Uint8Array>) => {
      files.delete('log/key.cbor')
      files.set('log/vkey', utf8(`${logSigner.vkey}\n`))
    }
    const own = { ...TRUST, settlements: [consumer.peerId, settlement.peerId] }
    expect(failed(pack(vkey, { source: 'node' }, consumer), own)).toEqual([])
    expect(
      failed(
        pack(() => {}, { source: 'node' }, consumer),
        own,
      ),
    ).toContain(EVENT)
    // A settlement's log is vouched for by its signed key alone.
    expect(failed(pack(vkey))).toContain(EVENT)
  })
})

describe('the archive', () => {
  test('checks files as all zip programs do', () => {
    expect(crc32(utf8('123456789'))).toBe(0xcbf43926)
    expect(crc32(new Uint8Array())).toBe(0)
  })

  test('holds what was put in it, and not too much', () => {
    const files = [
      { path: 'a', bytes: utf8('one') },
      { path: 'b/c', bytes: new Uint8Array() },
    ]
    expect(readZip(writeZip(files))).toEqual(files)
    expect(readZip(writeZip([]))).toEqual([])
    const many = Array.from({ length: PACKAGE_FILES_MAX + 1 }, () => files[0] as PackageFile)
    expect(() => writeZip(many)).toThrow('files')
  })

  test('is byte for byte what the format says', () => {
    const archive = writeZip([{ path: 'a/b', bytes: utf8('hanse') }])
    expect(toHex(archive)).toBe(GOLDEN)
  })

  test('has no path that leads out of it', () => {
    for (const path of ['../x', '/x', 'a//b', 'a/../b', '.x', 'C:\\x', '']) {
      expect(() => pack((files) => files.set(path, SALT)), path).toThrow(
        'hanse.evidence-package.v1',
      )
    }
  })
})
