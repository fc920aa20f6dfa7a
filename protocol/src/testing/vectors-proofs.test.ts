import { describe, expect, test } from 'vitest'
import proofs from '../../../test/vectors/proofs.json' with { type: 'json' }
import settlements from '../../../test/vectors/settlements.json' with { type: 'json' }
import { entryOfEvent, parseRecordCid } from '../audit/event.ts'
import { settlementProof } from '../audit/settlement-proof.ts'
import { verifySettlementProof } from '../audit/verify-settlement-proof.ts'
import {
  cosignerOf,
  decideAddCheckpoint,
  formatAddCheckpoint,
  formatProof,
  leafHash,
  openByPolicy,
  openCheckpoint,
  openPersonal,
  parseAddCheckpoint,
  parsePolicy,
  parseProof,
  rootOfLeaves,
  sealPersonal,
  verifyProof,
} from '../log/index.ts'
import { cidOf } from '../wire.ts'
import { codeOf, fromHex, signerFrom, toHex } from './fixtures.ts'
import { signedOf } from './vectors.ts'

describe('the log of commitments', () => {
  test('has these entries and this root', () => {
    for (const { salt, event, entry, leafHash: leaf } of proofs.entries) {
      expect(toHex(entryOfEvent(fromHex(salt), fromHex(event)))).toBe(entry)
      expect(toHex(leafHash(fromHex(entry)))).toBe(leaf)
    }
    const { size, root } = openCheckpoint(proofs.log.checkpoint, proofs.log.vkey)
    expect(size.toString()).toBe(proofs.log.size)
    const leaves = proofs.entries.map(({ leafHash: leaf }) => fromHex(leaf))
    expect(toHex(root)).toBe(toHex(rootOfLeaves(leaves)))
  })

  test('sealed data opens with its key only', () => {
    const { key, nonce, plaintext, bytes, refused } = proofs.sealed
    const [secret, clear] = [fromHex(key), fromHex(plaintext)]
    expect(toHex(sealPersonal(secret, fromHex(nonce), clear))).toBe(bytes)
    expect(toHex(openPersonal(secret, fromHex(bytes)))).toBe(plaintext)
    for (const other of refused) {
      expect(codeOf(() => openPersonal(secret, fromHex(other)))).toBe('HANSE_LOG_SEALED')
    }
    expect(codeOf(() => openPersonal(fromHex(nonce), fromHex(bytes)))).toBe('HANSE_LOG_SEALED')
  })
})

describe('proofs', () => {
  test.each(proofs.proofs)('$why', ({ file, entry, logKey, witnessKeys, code }) => {
    const verify = () => verifyProof(file, fromHex(entry), { logKey, witnessKeys })
    expect(codeOf(verify)).toBe(code ?? 'accepted')
    expect(formatProof(parseProof(file))).toBe(file)
  })

  test.each(proofs.refusedFiles)('%j is no proof', (file) => {
    expect(codeOf(() => parseProof(file))).toBe('HANSE_LOG_PROOF_FORMAT')
  })
})

describe('a witness', () => {
  const { name, seed, time, logKeys, requests } = proofs.witness
  const cosigner = cosignerOf(name, signerFrom(seed))
  const context = { logKeys, cosigner, nowSeconds: BigInt(time) }

  test.each(requests)('$why: $status', ({ latest, body, status, answer }) => {
    const decision = decideAddCheckpoint(context, latest ?? undefined, body)
    expect(decision.status).toBe(status)
    if (answer !== null) expect(decision.body).toBe(answer)
    if (status === 200) expect(formatAddCheckpoint(parseAddCheckpoint(body))).toBe(body)
  })

  test.each(proofs.policies)('a quorum of $quorum', ({ text, notes, ...wanted }) => {
    const policy = parsePolicy(text)
    const { logs, witnesses, groups, quorum } = policy
    expect({
      logs: logs.map(({ vkey }) => vkey),
      witnesses: witnesses.map(({ name: called, vkey }) => ({ name: called, vkey })),
      groups,
      quorum,
    }).toEqual(wanted)
    for (const { note, code } of notes) {
      expect(codeOf(() => openByPolicy(note, policy))).toBe(code ?? 'accepted')
    }
  })

  test.each(proofs.refusedPolicies)('%j is no policy', (text) => {
    expect(codeOf(() => parsePolicy(text))).toBe('HANSE_LOG_POLICY')
  })
})

test.each(settlements.cases)('$why', ({ proof, name, key, remembered, since, code }) => {
  const { network, session } = settlements
  const about = { order: parseRecordCid(session.order), receipt: parseRecordCid(session.receipt) }
  const hashes = remembered?.hashes?.map(fromHex)
  const known =
    remembered === null
      ? {}
      : { remembered: { note: remembered.note, ...(hashes === undefined ? {} : { hashes }) } }
  const trust = { network, key: signedOf(key), ...known }
  let said: string | undefined
  const got = codeOf(() => {
    said = verifySettlementProof(fromHex(proof), about, trust).since
  })
  expect(got).toBe(code ?? 'accepted')
  expect(said ?? null).toBe(since)
  expect(cidOf(fromHex(proof)).toString()).toBe(name)
  expect(toHex(settlementProof.encode(settlementProof.decode(fromHex(proof))))).toBe(proof)
})
