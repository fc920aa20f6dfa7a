import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { publicKeyOf } from '../identity/ed25519.ts'
import { codeOf, RUNS, signerFrom } from '../testing/fixtures.ts'
import { concat, utf8 } from '../wire.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { cosignerOf, verifyCosignature } from './cosignature.ts'
import { joinNote, noteSignerOf, openNote, signNote } from './note.ts'
import { NOTE_BYTES_MAX, parseSignatureLine } from './note-lines.ts'
import { formatVerifierKey, isKeyName, keyIdOf, parseVerifierKey } from './verifier-key.ts'

const alice = noteSignerOf('alice.example', signerFrom(91))
const bob = noteSignerOf('bob.example', signerFrom(92))
const witness = cosignerOf('witness.example', signerFrom(93))
const publicKey = publicKeyOf(new Uint8Array(32).fill(91))
const TEXT = 'hello\n'

describe('base64', () => {
  test('is read back, in its one form only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(fromBase64(toBase64(bytes))).toEqual(bytes)
      }),
      { numRuns: RUNS.cheap },
    )
    for (const text of [
      'A',
      'AA',
      'AAA',
      'AB==',
      'AAB=',
      'AA=',
      'AAAA=',
      '=',
      '====',
      'AA==AA==',
    ]) {
      expect([text, fromBase64(text)]).toEqual([text, undefined])
    }
    for (const text of [' AAAA', 'AAAA\n', 'AA AA', '-_-_', 'AAAÄ', 'AAAA====', 'A===']) {
      expect([text, fromBase64(text)]).toEqual([text, undefined])
    }
    expect(fromBase64('')).toEqual(new Uint8Array(0))
  })
})

describe('a note', () => {
  test('opens for whoever knows one of its signers', () => {
    const note = signNote(TEXT, alice, bob)
    for (const keys of [[alice.vkey], [bob.vkey], [alice.vkey, bob.vkey], alice.vkey]) {
      expect(openNote(note, keys).text).toBe(TEXT)
      expect(openNote(utf8(note), keys).text).toBe(TEXT)
    }
    const opened = openNote(note, bob.vkey)
    expect(
      joinNote(
        opened.text,
        [...opened.unverified, ...opened.signatures].map(({ line }) => line),
      ),
    ).toBe(note)
    expect(codeOf(() => openNote(note, noteSignerOf('alice.example', signerFrom(94)).vkey))).toBe(
      'HANSE_LOG_UNSIGNED',
    )
  })

  test('may have empty lines, other scripts and a byte order mark in its text', () => {
    for (const text of [
      '\n',
      '\n\n',
      'a\n\nb\n',
      'ед\n',
      '— alice.example AAAA\n',
      '\u{FEFF}x\n',
      'x\u007f\n',
    ]) {
      const note = signNote(text, alice)
      expect(openNote(note, alice.vkey).text).toBe(text)
      expect(openNote(utf8(note), alice.vkey).text).toBe(text)
    }
  })

  test('is not signed when it could not be opened', () => {
    for (const text of ['', 'no newline', 'a\tb\n', 'a\r\n', '\u0000\n', '\ud800\n']) {
      expect(codeOf(() => signNote(text, alice))).toBe('HANSE_LOG_NOTE')
    }
  })

  test('is refused when any byte of its text or signature changes', () => {
    const note = utf8(signNote('some text\n', alice))
    for (let i = 0; i < note.byteLength; i++) {
      const changed = Uint8Array.from(note)
      changed[i] = (changed[i] ?? 0) ^ 1
      const code = codeOf(() => openNote(changed, alice.vkey))
      expect(['HANSE_LOG_NOTE', 'HANSE_LOG_SIGNATURE', 'HANSE_LOG_UNSIGNED']).toContain(code)
    }
  })

  const line = alice.sign(TEXT)
  test.each([
    ['no blank line', `${TEXT}${line}\n`],
    ['a space after the line', `${TEXT}\n${line} \n`],
    ['two spaces', `${TEXT}\n${line.replace('example ', 'example  ')}\n`],
    ['a hyphen for the dash', `${TEXT}\n${line.replace('\u2014', '-')}\n`],
    ['no space after the dash', `${TEXT}\n${line.replace('\u2014 ', '\u2014')}\n`],
    ['no name', `${TEXT}\n${line.replace('alice.example', '')}\n`],
    ['a plus in the name', `${TEXT}\n${line.replace('alice', 'al+ice')}\n`],
    ['a no-break space in the name', `${TEXT}\n${line.replace('alice', 'al\u00a0ice')}\n`],
    ['a next-line character in the name', `${TEXT}\n${line.replace('alice', 'al\u0085ice')}\n`],
    ['no signature', `${TEXT}\n\u2014 alice.example\n`],
    ['an empty signature', `${TEXT}\n\u2014 alice.example \n`],
    ['a key id alone', `${TEXT}\n\u2014 alice.example AAAAAA==\n`],
    ['base64 without padding', `${TEXT}\n${line.replaceAll('=', '')}\n`],
    ['a carriage return', `${TEXT}\n${line}\r\n`],
    ['a tab', `a\tb\n\n${line}\n`],
    ['text after the signatures', `${TEXT}\n${line}\nmore\n`],
    ['an empty line at the end', `${TEXT}\n${line}\n\n`],
    ['nothing', ''],
    ['a blank line', '\n\n'],
    ['a lone surrogate', `\ud800\n\n${line}\n`],
    ['no text', undefined],
  ])('is malformed with %s', (_why, note) => {
    expect(codeOf(() => openNote(note as string, alice.vkey))).toBe('HANSE_LOG_NOTE')
  })

  test('is read within bounds', () => {
    const long = `${'x'.repeat(NOTE_BYTES_MAX)}\n\n${line}\n`
    expect(codeOf(() => openNote(long, alice.vkey))).toBe('HANSE_LOG_NOTE')
    expect(codeOf(() => openNote(utf8(long), alice.vkey))).toBe('HANSE_LOG_NOTE')
    expect(codeOf(() => openNote('\n'.repeat(NOTE_BYTES_MAX), alice.vkey))).toBe('HANSE_LOG_NOTE')
    const keys = Array.from({ length: 2000 }, () => bob.vkey)
    expect(codeOf(() => openNote(signNote(TEXT, alice), keys))).toBe('HANSE_LOG_KEY')
    for (const bad of [undefined, null, {}, [undefined], [7]]) {
      expect(codeOf(() => openNote(signNote(TEXT, alice), bad as string[]))).toBe('HANSE_LOG_KEY')
    }
  })

  test('of invalid UTF-8 is malformed, whichever way it is invalid', () => {
    const rest = utf8(signNote('x\n', alice))
    for (const bad of [
      [0xff],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
    ]) {
      const bytes = concat([Uint8Array.from(bad), rest])
      expect(codeOf(() => openNote(bytes, alice.vkey))).toBe('HANSE_LOG_NOTE')
    }
  })

  test('of any bytes opens or is refused with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (bytes, text) => {
        expect(codeOf(() => openNote(bytes, alice.vkey))).toBe('HANSE_LOG_NOTE')
        expect(codeOf(() => openNote(text, alice.vkey))).toBe('HANSE_LOG_NOTE')
        const lines = `${text.replaceAll('\n', '')}\n`
        expect(codeOf(() => openNote(`${TEXT}\n${line}\n${lines}`, alice.vkey))).toBe(
          'HANSE_LOG_NOTE',
        )
        expect(codeOf(() => parseSignatureLine(text))).toBe('HANSE_LOG_NOTE')
      }),
      { numRuns: RUNS.cheap },
    )
  })
})

describe('a cosignature', () => {
  test('tells when the witness saw the text', () => {
    for (const time of [0n, 1n, 1_800_000_000n, 2n ** 63n - 1n]) {
      const note = joinNote(TEXT, [witness.cosign(TEXT, time)])
      const [signature] = openNote(note, witness.vkey).signatures
      expect(signature).toMatchObject({
        name: 'witness.example',
        kind: 'cosignature',
        timestamp: time,
      })
    }
    for (const time of [-1n, 2n ** 63n]) {
      expect(() => witness.cosign(TEXT, time)).toThrow(RangeError)
    }
  })

  test('counts once for each key, and each line must be right', () => {
    const [first, second] = [witness.cosign(TEXT, 5n), witness.cosign(TEXT, 6n)]
    const opened = openNote(joinNote(TEXT, [first, second]), witness.vkey)
    expect(opened.signatures.map(({ timestamp }) => timestamp)).toEqual([5n])
    const wrong = witness.cosign('other\n', 6n)
    expect(codeOf(() => openNote(joinNote(TEXT, [first, wrong]), witness.vkey))).toBe(
      'HANSE_LOG_SIGNATURE',
    )
  })

  test('is none with another time, text, length or key', () => {
    const { blob } = parseSignatureLine(witness.cosign(TEXT, 5n))
    const key = parseVerifierKey(witness.vkey).publicKey
    expect(verifyCosignature(key, TEXT, blob)).toBe(5n)
    expect(verifyCosignature(key, 'other\n', blob)).toBeUndefined()
    expect(verifyCosignature(publicKey, TEXT, blob)).toBeUndefined()
    for (const bad of [blob.subarray(1), concat([blob, Uint8Array.of(0)]), new Uint8Array(0)]) {
      expect(verifyCosignature(key, TEXT, bad)).toBeUndefined()
    }
    const late = Uint8Array.from(blob)
    late[0] = 0x80
    expect(verifyCosignature(key, TEXT, late)).toBeUndefined()
  })

  test('is not taken for a plain signature, nor the other way about', () => {
    const signer = noteSignerOf('witness.example', signerFrom(93))
    expect(signer.vkey).not.toBe(witness.vkey)
    const note = joinNote(TEXT, [witness.cosign(TEXT, 5n)])
    expect(codeOf(() => openNote(note, signer.vkey))).toBe('HANSE_LOG_UNSIGNED')
    expect(codeOf(() => openNote(signNote(TEXT, signer), witness.vkey))).toBe('HANSE_LOG_UNSIGNED')
  })
})

describe('a verifier key', () => {
  test('is read back, of every kind', () => {
    const kinds = [
      ['ed25519', publicKey],
      ['cosignature', publicKey],
      ['ml-dsa-44', new Uint8Array(1312).fill(3)],
    ] as const
    for (const [kind, key] of kinds) {
      const vkey = formatVerifierKey('a.example/b', kind, key)
      expect(parseVerifierKey(vkey)).toEqual({
        name: 'a.example/b',
        keyId: keyIdOf('a.example/b', kind, key),
        kind,
        publicKey: key,
      })
    }
  })

  test('is refused with a low-order key, another type, a wrong length or an upper-case id', () => {
    const encode = (name: string, type: number, key: Uint8Array) =>
      `${name}+00000000+${toBase64(concat([Uint8Array.of(type), key]))}`
    const refused = [
      formatVerifierKey('a', 'ed25519', new Uint8Array(32)),
      alice.vkey.replace(/\+[0-9a-f]{8}\+/u, (id) => id.toUpperCase().replace('+0', '+o')),
      `${alice.vkey}=`,
      `${alice.vkey} `,
      alice.vkey.replace('+', '++'),
      encode('a', 2, publicKey),
      encode('a', 1, publicKey.subarray(1)),
      encode('a', 6, publicKey),
      'a+00000000+',
      'x'.repeat(100_000),
    ]
    for (const vkey of refused) expect(codeOf(() => parseVerifierKey(vkey))).toBe('HANSE_LOG_KEY')
    expect(codeOf(() => formatVerifierKey('a b', 'ed25519', publicKey))).toBe('HANSE_LOG_KEY')
    expect(codeOf(() => formatVerifierKey('a', 'ml-dsa-44', publicKey))).toBe('HANSE_LOG_KEY')
  })

  test('of post-quantum kind leaves its lines unverified', () => {
    const key = new Uint8Array(1312).fill(3)
    const vkey = formatVerifierKey('pq.example', 'ml-dsa-44', key)
    const id = Uint8Array.from(keyIdOf('pq.example', 'ml-dsa-44', key).match(/../gu) ?? [], (hex) =>
      Number.parseInt(hex, 16),
    )
    const line = `\u2014 pq.example ${toBase64(concat([id, new Uint8Array(2428)]))}`
    const note = joinNote(TEXT, [line, alice.sign(TEXT)])
    const opened = openNote(note, [vkey, alice.vkey])
    expect(opened.unverified.map(({ name }) => name)).toEqual(['pq.example'])
    expect(codeOf(() => openNote(note, vkey))).toBe('HANSE_LOG_UNSIGNED')
  })

  test('has a name without any white space', () => {
    const spaces =
      '\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2007\u200a\u2028\u2029\u202f\u205f\u3000+\u0001'
    for (const space of spaces) expect([space, isKeyName(`a${space}b`)]).toEqual([space, false])
    for (const name of ['a', 'é', '日本', 'a\u200bb', 'a\u{FEFF}b'])
      expect(isKeyName(name)).toBe(true)
    expect(isKeyName('')).toBe(false)
  })
})
