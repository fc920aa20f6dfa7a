import { describe, expect, test } from 'vitest'
import cbor from '../vectors/cbor.json' with { type: 'json' }
import commitments from '../vectors/commitments.json' with { type: 'json' }
import discovery from '../vectors/discovery.json' with { type: 'json' }
import ed25519 from '../vectors/ed25519.json' with { type: 'json' }
import frames from '../vectors/frames.json' with { type: 'json' }
import keys from '../vectors/keys.json' with { type: 'json' }
import limits from '../vectors/limits.json' with { type: 'json' }
import records from '../vectors/records.json' with { type: 'json' }
import signatures from '../vectors/signatures.json' with { type: 'json' }
import { hex, join, sha256, unhex, utf8, varint } from './bytes.ts'
import { read, type Value, write } from './cbor.ts'
import { linkOf, rawLinkOf } from './cid.ts'
import { commitment, saltOf, transcriptOf } from './commitments.ts'
import { keyOfPeer, peerIdOf, publicKeyOf, verify } from './ed25519.ts'
import { readFrame } from './frames.ts'
import { changed, untagged } from './json.ts'
import {
  namedSigners,
  openRecord,
  readRecord,
  signingInput,
  signRecord,
  writeRecord,
} from './records.ts'
import { regionsOf } from './schema.ts'
import { codeOf, sameRefusal, signedOf } from './testing.ts'

describe('keys and signatures', () => {
  test.each(Object.entries(keys.peers))('%s', (_, { seed, publicKey, peerId }) => {
    expect(hex(publicKeyOf(unhex(seed)))).toBe(publicKey)
    expect(peerIdOf(unhex(publicKey))).toBe(peerId)
    expect(hex(keyOfPeer(peerId))).toBe(publicKey)
  })

  test.each(keys.refused)('$why is no peer id', ({ text }) => {
    expect(codeOf(() => keyOfPeer(text))).toBe('HANSE_PEER_ID_INVALID')
  })

  test.each(ed25519.cases)('$why', ({ publicKey, message, signature, valid }) => {
    expect(verify(unhex(publicKey), unhex(message), unhex(signature))).toBe(valid)
  })
})

describe('canonical CBOR', () => {
  test.each(cbor.values)('$why', ({ value, bytes }) => {
    expect(hex(write(untagged(value)))).toBe(bytes)
    expect(read(unhex(bytes))).toEqual(untagged(value))
  })

  test.each(cbor.refused)('refuses $why', ({ bytes, code }) => {
    expect(
      sameRefusal(
        codeOf(() => read(unhex(bytes))),
        code,
      ),
    ).toBe(true)
  })
})

describe('records', () => {
  test.each(records.records)('$name', ({ type, fields, bytes, cid, signatures: signed }) => {
    const opened = readRecord(type, unhex(bytes))
    expect(opened.fields.all).toEqual(untagged(fields))
    expect(hex(writeRecord(type, untagged(fields)))).toBe(bytes)
    expect(linkOf(unhex(bytes)).toString()).toBe(cid)
    for (const { signer, role, input, signature } of signed) {
      expect(hex(signingInput(records.network, role, type, unhex(bytes)))).toBe(input)
      const seed = Object.values(keys.peers).find(({ peerId }) => peerId === signer)?.seed ?? ''
      expect(hex(signRecord(records.network, type, unhex(bytes), role, unhex(seed)))).toBe(
        signature,
      )
    }
    // Whoever a receipt must be signed by is in the order.
    const signers = type === 'hanse.receipt.v1' ? signed : namedSigners(type)
    openRecord(records.network, type, signedOf({ bytes, signatures: signed }), signers)
  })

  test.each(Object.entries(limits.types))('limits of %s', (type, { base, cases }) => {
    for (const one of cases) {
      const bytes = changed(base, one)
      const code = codeOf(() =>
        expect(hex(writeRecord(type, readRecord(type, bytes).fields.all))).toBe(hex(bytes)),
      )
      expect(sameRefusal(code, one.code), `${one.why}: ${code}`).toBe(true)
    }
  })

  test.each(signatures.refused)('$type $why', ({ type, signers, code, ...signed }) => {
    expect(codeOf(() => openRecord(signatures.network, type, signedOf(signed), signers))).toBe(code)
  })
})

test('commitments, their salts and the transcript', () => {
  const secret = unhex(commitments.secret)
  const { body, salt, commitment: ofPrompt } = commitments.prompt
  expect(hex(saltOf(secret, 'prompt'))).toBe(salt)
  expect(hex(commitment(secret, 'prompt', sha256(unhex(body))))).toBe(ofPrompt)
  const states = transcriptOf(commitments.transcript.map(({ payload }) => unhex(payload)))
  for (const [i, step] of commitments.transcript.entries()) {
    expect(hex(states[i] ?? secret)).toBe(step.state)
    expect(hex(saltOf(secret, `receipt/${i}`))).toBe(step.salt)
    expect(hex(commitment(secret, `receipt/${i}`, unhex(step.state)))).toBe(step.commitment)
  }
})

describe('frames', () => {
  test.each(Object.entries(frames.from))('of %s', (from, ofSide) => {
    for (const { fields, bytes, wire, cases } of ofSide) {
      expect(readFrame(from, unhex(bytes))).toEqual(untagged(fields))
      expect(hex(write(untagged(fields)))).toBe(bytes)
      expect(hex(join(varint(bytes.length / 2), unhex(bytes)))).toBe(wire)
      for (const one of cases) {
        const code = codeOf(() => readFrame(from, changed(bytes, one)))
        expect(sameRefusal(code, one.code), `${one.why}: ${code}`).toBe(true)
      }
    }
  })
})

test('offers are listed under these keys', () => {
  for (const { text, cid } of [...discovery.models, ...discovery.regions]) {
    expect(rawLinkOf(utf8(text)).toString()).toBe(cid)
  }
  const { fields } = readRecord('hanse.offer.v1', unhex(discovery.listed.offer))
  const names = fields
    .maps('models')
    .flatMap((model) => [model.text('id'), ...model.texts('aliases')])
  const texts = regionsOf(fields.text('country')).flatMap((region) => [
    `hanse/v1/any/${region}`,
    ...names.map((name) => `hanse/v1/model/${name}/${region}`),
  ])
  const listed = texts.map((text) => rawLinkOf(utf8(text)).toString())
  expect(listed.toSorted()).toEqual(discovery.listed.keys)
  expect(hex(utf8(`/hanse/${discovery.value.peer}`))).toBe(discovery.value.key)
  const answer: Value = read(unhex(discovery.answer.bytes))
  expect(answer).toEqual(untagged(discovery.answer.fields))
})
