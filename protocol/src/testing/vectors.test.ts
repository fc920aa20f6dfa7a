import { describe, expect, test } from 'vitest'
import cbor from '../../../test/vectors/cbor.json' with { type: 'json' }
import commitments from '../../../test/vectors/commitments.json' with { type: 'json' }
import ed25519 from '../../../test/vectors/ed25519.json' with { type: 'json' }
import keys from '../../../test/vectors/keys.json' with { type: 'json' }
import limits from '../../../test/vectors/limits.json' with { type: 'json' }
import records from '../../../test/vectors/records.json' with { type: 'json' }
import signatures from '../../../test/vectors/signatures.json' with { type: 'json' }
import { publicKeyOf, verifyEd25519 } from '../identity/ed25519.ts'
import { signerOf } from '../identity/keys.ts'
import { type PeerId, peerIdOf, publicKeyOfPeer } from '../identity/peer-id.ts'
import { commit, commitPrompt, EMPTY_TRANSCRIPT, extendTranscript } from '../receipt/commitment.ts'
import { openSigned, type Role, signBytes } from '../record/signed.ts'
import { cidOf, decodeCanonical, encodeCanonical } from '../wire.ts'
import { codeOf, fromHex, toHex } from './fixtures.ts'
import {
  changed,
  type SignedJson,
  signedOf,
  tagged,
  typeNames,
  typeOf,
  untagged,
} from './vectors.ts'

describe('keys', () => {
  test.each(Object.entries(keys.peers))('%s has the key and the id of its seed', (_, peer) => {
    const publicKey = publicKeyOf(fromHex(peer.seed))
    expect(toHex(publicKey)).toBe(peer.publicKey)
    expect(peerIdOf(publicKey)).toBe(peer.peerId)
    expect(toHex(publicKeyOfPeer(peer.peerId))).toBe(peer.publicKey)
  })

  test.each(keys.refused)('$why is no peer id', ({ text }) => {
    expect(codeOf(() => publicKeyOfPeer(text))).toBe('HANSE_PEER_ID_INVALID')
  })

  test.each(ed25519.cases)('a signature: $why', ({ publicKey, message, signature, valid }) => {
    expect(verifyEd25519(fromHex(publicKey), fromHex(message), fromHex(signature))).toBe(valid)
  })
})

describe('canonical CBOR', () => {
  test.each(cbor.values)('$why', ({ value, bytes }) => {
    expect(toHex(encodeCanonical(untagged(value)))).toBe(bytes)
    expect(tagged(decodeCanonical(fromHex(bytes), 1 << 20))).toEqual(value)
  })

  test.each(cbor.refused)('refuses $why', ({ bytes, code }) => {
    expect(codeOf(() => decodeCanonical(fromHex(bytes), 1 << 20))).toBe(code)
  })
})

describe('records', () => {
  test('there are vectors for every type', () => {
    expect(Object.keys(limits.types).toSorted()).toEqual(typeNames.toSorted())
    const signed = new Set(records.records.map(({ type }) => type))
    expect([...signed, 'hanse.bundle.v1'].toSorted()).toEqual(typeNames.toSorted())
  })

  test.each(records.records)('$name', ({ type, fields, bytes, cid, signatures: signed }) => {
    const read = typeOf(type).decode(fromHex(bytes))
    expect(tagged(read)).toEqual(fields)
    expect(toHex(typeOf(type).encode(untagged(fields)))).toBe(bytes)
    expect(cidOf(fromHex(bytes)).toString()).toBe(cid)
    for (const { signer, role, input, signature } of signed) {
      const key = Object.values(keys.peers).find(({ peerId }) => peerId === signer)
      const seed = fromHex(key?.seed ?? '')
      expect(toHex(signerOf(seed).sign(fromHex(input)))).toBe(signature)
      const ours = signBytes(records, { type }, fromHex(bytes), role as Role, signerOf(seed))
      expect(toHex(ours.signature)).toBe(signature)
    }
    const signers = signed.map(({ signer, role }) => ({ signer, role }) as Expected)
    const { bytes: opened } = openSigned(
      records,
      typeOf(type),
      signedOf({ bytes, signatures: signed }),
      () => signers,
    )
    expect(toHex(opened)).toBe(bytes)
  })

  test.each(Object.entries(limits.types))('limits of %s', (type, { base, cases }) => {
    for (const one of cases) {
      const bytes = changed(base, one)
      const got = codeOf(() => typeOf(type).decode(bytes))
      expect(`${one.why}: ${got}`).toBe(`${one.why}: ${one.code ?? 'accepted'}`)
      if (one.code !== null) continue
      expect(toHex(typeOf(type).encode(typeOf(type).decode(bytes)))).toBe(toHex(bytes))
    }
  })

  test.each(signatures.refused)('$type $why', ({ type, signers, code, ...signed }) => {
    const open = () =>
      openSigned(
        signatures,
        typeOf(type),
        signedOf(signed as SignedJson),
        () => signers as Expected[],
      )
    expect(codeOf(open)).toBe(code)
  })
})

interface Expected {
  readonly signer: PeerId
  readonly role: Role
}

test('commitments to the prompt and at each receipt', () => {
  const secret = fromHex(commitments.secret)
  const { body, commitment: ofPrompt } = commitments.prompt
  expect(toHex(commitPrompt(secret, fromHex(body)))).toBe(ofPrompt)
  let transcript = EMPTY_TRANSCRIPT
  for (const [i, { payload, state, commitment }] of commitments.transcript.entries()) {
    transcript = extendTranscript(transcript, fromHex(payload))
    expect(toHex(transcript)).toBe(state)
    expect(toHex(commit(secret, { receipt: BigInt(i) }, transcript))).toBe(commitment)
  }
})
