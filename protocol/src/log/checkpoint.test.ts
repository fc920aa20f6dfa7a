import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, RUNS, signerFrom } from '../testing/fixtures.ts'
import { utf8 } from '../wire.ts'
import { toBase64 } from './base64.ts'
import { formatCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint } from './checkpoint.ts'
import { cosignerOf } from './cosignature.ts'
import { leafHash } from './hash.ts'
import { noteSignerOf, signNote } from './note.ts'
import { hasControls } from './verifier-key.ts'

const log = noteSignerOf('log.example/checkpoints', signerFrom(95))
const root = leafHash(utf8('root'))
const R = toBase64(root)
const head = { size: 7n, root }

describe('the text of a checkpoint', () => {
  test('is read back, with sizes of 64 bits and extension lines', () => {
    const line = fc
      .string({ minLength: 1 })
      .filter((text) => !hasControls(text) && !text.includes('\n'))
    const checkpoint = fc.record({
      origin: line,
      size: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      extensions: fc.array(line, { maxLength: 3 }),
    })
    fc.assert(
      fc.property(checkpoint, (value) => {
        const text = formatCheckpoint(value)
        expect(parseCheckpoint(text)).toEqual(value)
        expect(parseCheckpoint(utf8(text))).toEqual(value)
      }),
      { numRuns: RUNS.cheap },
    )
  })

  test('is the same alone and at the head of a signed note', () => {
    const text = formatCheckpoint({ origin: log.name, ...head, extensions: ['more'] })
    expect(parseCheckpoint(signNote(text, log))).toEqual(parseCheckpoint(text))
  })

  test.each([
    ['one line', 'o\n'],
    ['two lines', 'o\n7\n'],
    ['no newline at the end', `o\n7\n${R}`],
    ['no newline after an extension', `o\n7\n${R}\nJOE`],
    ['an empty origin', `\n7\n${R}\n`],
    ['an empty size', `o\n\n${R}\n`],
    ['an empty extension', `o\n7\n${R}\n\n`],
    ['empty lines at the end', `o\n7\n${R}\n\n\n\n`],
    ['an empty line between extensions', `o\n7\n${R}\na\n\nb\n`],
    ['leading zeroes', `o\n07\n${R}\n`],
    ['zero twice', `o\n00\n${R}\n`],
    ['a plus', `o\n+7\n${R}\n`],
    ['a minus', `o\n-7\n${R}\n`],
    ['minus zero', `o\n-0\n${R}\n`],
    ['a fraction', `o\n7.0\n${R}\n`],
    ['an exponent', `o\n7e3\n${R}\n`],
    ['hexadecimal', `o\n0x7\n${R}\n`],
    ['a space', `o\n 7\n${R}\n`],
    ['a separator', `o\n1_000\n${R}\n`],
    ['other digits', `o\n٧\n${R}\n`],
    ['a size of 2⁶⁴', `o\n18446744073709551616\n${R}\n`],
    ['a size of many digits', `o\n${'9'.repeat(100_000)}\n${R}\n`],
    ['no base64', `o\n7\nThisIsn'tBase64\n`],
    ['a root of 31 bytes', `o\n7\n${toBase64(root.subarray(1))}\n`],
    ['a root of 33 bytes', `o\n7\n${toBase64(Uint8Array.from([...root, 0]))}\n`],
    ['an empty root', `o\n7\n\n`],
    ['a root without padding', `o\n7\n${R.slice(0, -1)}\n`],
    ['bits beyond the root', `o\n7\n${'A'.repeat(42)}B=\n`],
    ['the URL alphabet', `o\n7\n${'_'.repeat(42)}w=\n`],
    ['a space after the root', `o\n7\n${R} \n`],
    ['a carriage return', `o\r\n7\r\n${R}\r\n`],
    ['a control character', `o\u0001\n7\n${R}\n`],
    ['what is no signature below', `o\n7\n${R}\n\nnot a signature\n`],
    ['nothing', ''],
    ['no text', undefined],
  ])('is malformed with %s', (_why, text) => {
    expect(codeOf(() => parseCheckpoint(text as string))).toBe('HANSE_LOG_CHECKPOINT')
  })

  test('of any text is a checkpoint or refused', () => {
    const lines = fc.array(fc.oneof(fc.string(), fc.constantFrom('o', '7', R, '')), {
      maxLength: 6,
    })
    fc.assert(
      fc.property(lines, fc.uint8Array({ maxLength: 200 }), (parts, bytes) => {
        for (const text of [`${parts.join('\n')}\n`, bytes]) {
          expect(codeOf(() => parseCheckpoint(text))).toMatch(/^accepted$|^HANSE_LOG_CHECKPOINT$/u)
        }
      }),
      { numRuns: RUNS.cheap },
    )
  })

  test('is not written of what cannot be read back', () => {
    const bad = [
      { origin: '', ...head },
      { origin: 'two\nlines', ...head },
      { origin: 'o', size: -1n, root },
      { origin: 'o', size: 2n ** 64n, root },
      { origin: 'o', size: 7 as unknown as bigint, root },
      { origin: 'o', size: 7n, root: root.subarray(1) },
      { origin: 'o', ...head, extensions: [''] },
      { origin: 'o', ...head, extensions: ['a\nb'] },
    ]
    for (const checkpoint of bad) {
      expect(codeOf(() => formatCheckpoint(checkpoint))).toBe('HANSE_LOG_CHECKPOINT')
    }
  })
})

describe('a signed checkpoint', () => {
  const note = signCheckpoint(log, head)
  const witness = cosignerOf('witness.example/c', signerFrom(96))
  const text = formatCheckpoint({ origin: log.name, ...head })

  test('opens with the key of its log, and tells who cosigned it', () => {
    const cosigned = `${note}${witness.cosign(text, 9n)}\n`
    expect(openCheckpoint(note, log.vkey)).toMatchObject({ ...head, cosignatures: [], text })
    const opened = openCheckpoint(cosigned, log.vkey, [witness.vkey])
    expect(opened.cosignatures).toMatchObject([{ name: witness.name, timestamp: 9n }])
    expect(openCheckpoint(cosigned, log.vkey).unverified).toHaveLength(1)
  })

  test('needs the signature of the log itself, under its own name', () => {
    const cosignedOnly = `${text}\n${witness.cosign(text, 9n)}\n`
    expect(codeOf(() => openCheckpoint(cosignedOnly, log.vkey, [witness.vkey]))).toBe(
      'HANSE_LOG_UNSIGNED',
    )
    const other = noteSignerOf('log.example/other', signerFrom(95))
    expect(codeOf(() => openCheckpoint(signNote(text, other), other.vkey))).toBe('HANSE_LOG_ORIGIN')
    expect(codeOf(() => openCheckpoint(signNote('no checkpoint\n', log), log.vkey))).toBe(
      'HANSE_LOG_CHECKPOINT',
    )
    expect(codeOf(() => openCheckpoint(note.replace('\n7\n', '\n8\n'), log.vkey))).toBe(
      'HANSE_LOG_SIGNATURE',
    )
  })
})
