import { describe, expect, test } from 'vitest'
import proofs from '../vectors/proofs.json' with { type: 'json' }
import settlements from '../vectors/settlements.json' with { type: 'json' }
import { unbase32 } from './base.ts'
import { hex, unhex } from './bytes.ts'
import { Link, linkOf } from './cid.ts'
import { leafHash, rootOf } from './merkle.ts'
import { openCheckpoint } from './notes.ts'
import { openByPolicy, parsePolicy } from './policy.ts'
import { entryOf, formatProof, parseProof, seal, unseal, verifyProof } from './proofs.ts'
import { readRecord } from './records.ts'
import { checkEvent, checkLogged, compare, type Since } from './settlement.ts'
import { codeOf, signedOf } from './testing.ts'
import { answer } from './witness.ts'

test('the log of commitments has these entries, and this root', () => {
  const leaves = proofs.entries.map(({ salt, event, entry, leafHash: leaf }) => {
    expect(hex(entryOf(unhex(salt), unhex(event)))).toBe(entry)
    expect(hex(leafHash(unhex(entry)))).toBe(leaf)
    return unhex(leaf)
  })
  const { size, root } = openCheckpoint(proofs.log.checkpoint, proofs.log.vkey, [])
  expect([size.toString(), hex(root)]).toEqual([proofs.log.size, hex(rootOf(leaves))])
})

test('sealed data opens with its key only', () => {
  const { key, nonce, plaintext, bytes, refused } = proofs.sealed
  expect(hex(seal(unhex(key), unhex(nonce), unhex(plaintext)))).toBe(bytes)
  expect(hex(unseal(unhex(key), unhex(bytes)))).toBe(plaintext)
  for (const other of refused) {
    expect(codeOf(() => unseal(unhex(key), unhex(other)))).toBe('HANSE_LOG_SEALED')
  }
})

describe('proofs', () => {
  test.each(proofs.proofs)('$why', ({ file, entry, logKey, witnessKeys, code }) => {
    const verify = () => verifyProof(file, unhex(entry), logKey, witnessKeys)
    expect(codeOf(verify)).toBe(code ?? 'accepted')
    expect(formatProof(parseProof(file))).toBe(file)
  })

  test.each(proofs.refusedFiles)('%j is no proof', (file) => {
    expect(codeOf(() => parseProof(file))).toBe('HANSE_LOG_PROOF_FORMAT')
  })
})

describe('witnesses', () => {
  const { name, seed, time, logKeys, requests } = proofs.witness
  const witness = { name, seed: new Uint8Array(32).fill(seed), time: BigInt(time), logKeys }

  test.each(requests)('$why: $status', ({ latest, body, status, answer: text }) => {
    expect(answer(witness, latest, body)).toEqual({ status, body: text })
  })

  test.each(proofs.policies)('a quorum of $quorum', ({ text, notes, ...wanted }) => {
    const policy = parsePolicy(text)
    expect(policy).toEqual(wanted)
    for (const { note, code } of notes) {
      expect(codeOf(() => openByPolicy(note, policy))).toBe(code ?? 'accepted')
    }
  })

  test.each(proofs.refusedPolicies)('%j is no policy', (text) => {
    expect(codeOf(() => parsePolicy(text))).toBe('HANSE_LOG_POLICY')
  })
})

test.each(settlements.cases)('$why', ({ proof: bytes, name, key, remembered, since, code }) => {
  const { network, session } = settlements
  const about = { order: linkFrom(session.order), receipt: linkFrom(session.receipt) }
  let said: Since = null
  const got = codeOf(() => {
    const { fields } = readRecord('hanse.settlement-proof.v1', unhex(bytes))
    checkEvent(network, fields, about)
    const logged = checkLogged(network, fields, signedOf(key))
    if (remembered === null) return
    const hashes = remembered.hashes?.map(unhex) ?? null
    said = compare(logged, fields, { note: remembered.note, hashes })
  })
  expect([got, said]).toEqual([code ?? 'accepted', since])
  expect(linkOf(unhex(bytes)).toString()).toBe(name)
})

const linkFrom = (text: string): Link => new Link(unbase32(text.slice(1)))
