import {
  cosignerOf,
  formatCheckpoint,
  noteSignerOf,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseVerifierKey,
  rootOf,
  signCheckpoint,
  signNote,
} from '@hanse/protocol'
import { codeOf, signerFrom, toHex } from '@hanse/protocol/testing'

const LOG = 'log.hanse.example/1'
const log = noteSignerOf(LOG, signerFrom(11))
const other = noteSignerOf('log.hanse.example/2', signerFrom(12))
const witness = cosignerOf('witness.example/w', signerFrom(13))
const second = cosignerOf('witness.example/x', signerFrom(14))
const ROOT = rootOf([new TextEncoder().encode('entry')])
const TIME = 1_793_577_600n
const KEYS = [log.vkey, other.vkey, witness.vkey, second.vkey]

export function notesFile() {
  const text = formatCheckpoint({ origin: LOG, size: 1n, root: ROOT })
  const cosigned = `${signCheckpoint(log, { size: 1n, root: ROOT })}${witness.cosign(text, TIME)}\n`
  return {
    about:
      'C2SP signed-note, tlog-checkpoint and tlog-cosignature. Seeds are 32 equal bytes of `seed`. A note is opened with ' +
      'the keys that are given; `signatures` are those that count, with their times where they are cosignatures. ' +
      'Checkpoints are opened with the key of their log and those of witnesses.',
    keys: [
      { name: log.name, kind: 'ed25519', seed: 11, vkey: log.vkey },
      { name: other.name, kind: 'ed25519', seed: 12, vkey: other.vkey },
      { name: witness.name, kind: 'cosignature', seed: 13, vkey: witness.vkey },
      { name: second.name, kind: 'cosignature', seed: 14, vkey: second.vkey },
    ],
    refusedKeys: refusedKeys(),
    notes: [
      opened('one signature', signNote('text\n', log), [log.vkey]),
      opened('two signatures', signNote('text\n', log, other), KEYS),
      opened('one of two keys is known', signNote('text\n', log, other), [other.vkey]),
      opened('a text with empty lines', signNote('a\n\nb\n\n', log), [log.vkey]),
      opened('a text beyond ASCII', signNote('Grüße \u{1F680}\n', log), [log.vkey]),
      opened('a line twice', twice(signNote('text\n', log)), [log.vkey]),
      opened('a cosigned checkpoint', cosigned, KEYS),
    ],
    refusedNotes: refusedNotes(),
    checkpoints: [
      parsed(text),
      parsed(formatCheckpoint({ origin: 'a log with spaces', size: 0n, root: rootOf([]) })),
      parsed(
        formatCheckpoint({
          origin: LOG,
          size: 2n ** 64n - 1n,
          root: ROOT,
          extensions: ['a', 'b c'],
        }),
      ),
    ],
    refusedCheckpoints: refusedCheckpoints(text),
    cosignatures: [0n, TIME, 2n ** 63n - 1n].map((time) => ({
      key: witness.vkey,
      text,
      time: time.toString(),
      message: `cosignature/v1\ntime ${time}\n${text}`,
      line: witness.cosign(text, time),
    })),
    signedCheckpoints: signedCheckpoints(text, cosigned),
  }
}

function opened(why: string, note: string, keys: readonly string[]) {
  const { text, signatures, unverified } = openNote(note, keys)
  return {
    why,
    note,
    keys,
    text,
    signatures: signatures.map(({ name, keyId, timestamp }) => ({
      name,
      keyId,
      time: timestamp?.toString() ?? null,
    })),
    unverified: unverified.map(({ line }) => line),
  }
}

const twice = (note: string) => `${note}${note.slice(note.lastIndexOf('\u2014'))}`

function refusedKeys() {
  const [name = '', id = '', key = ''] = log.vkey.split('+')
  const keys = [
    '',
    name,
    `${name}+${id}`,
    `${name}+${id}+`,
    `${name}+${id}+${key}=`,
    `${name}+00000000+${key}`,
    `${name}+${id.toUpperCase()}+${key}`,
    `+${id}+${key}`,
    `a b+${id}+${key}`,
    `${log.vkey}\n`,
    // Type 2 is of nothing known; the key id fits.
    'a+e1b9e8f4+AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ]
  return keys.map((vkey) => refused(vkey, 'HANSE_LOG_KEY', () => parseVerifierKey(vkey)))
}

function refusedNotes() {
  const note = signNote('text\n', log)
  const [, line = ''] = note.split('\n\n')
  const id = line.split(' ')[2] ?? ''
  const flipped = `${id.slice(0, 20)}${id[20] === 'A' ? 'B' : 'A'}${id.slice(21)}`
  const cases: [string, string, string][] = [
    ['nothing', '', 'HANSE_LOG_NOTE'],
    ['no signatures', 'text\n', 'HANSE_LOG_NOTE'],
    ['no signatures after the blank line', 'text\n\n', 'HANSE_LOG_NOTE'],
    ['no newline at the end', note.slice(0, -1), 'HANSE_LOG_NOTE'],
    ['a line that is no signature', `${note}x\n`, 'HANSE_LOG_NOTE'],
    ['a hyphen for the dash', note.replace('\u2014', '-'), 'HANSE_LOG_NOTE'],
    ['a carriage return', note.replace('text', 'te\rxt'), 'HANSE_LOG_NOTE'],
    ['a tab', note.replace('text', 'te\txt'), 'HANSE_LOG_NOTE'],
    ['base64 without padding', note.replace('=', ''), 'HANSE_LOG_NOTE'],
    ['a name with a plus', note.replace(LOG, 'a+b'), 'HANSE_LOG_NOTE'],
    ['another text', note.replace('text', 'test'), 'HANSE_LOG_SIGNATURE'],
    ['another signature', note.replace(id, flipped), 'HANSE_LOG_SIGNATURE'],
    ['an unknown name', note.replace(LOG, 'log.hanse.example/3'), 'HANSE_LOG_UNSIGNED'],
    ['101 signatures', `${note}${line.repeat(100)}`, 'HANSE_LOG_NOTE'],
  ]
  return cases.map(([why, text, code]) => ({
    why,
    keys: [log.vkey],
    ...refused(text, code, () => openNote(text, [log.vkey])),
  }))
}

function parsed(text: string) {
  const { origin, size, root, extensions } = parseCheckpoint(text)
  return { text, origin, size: size.toString(), root: toHex(root), extensions }
}

function refusedCheckpoints(text: string) {
  const [origin = '', size = '', root = ''] = text.split('\n')
  const bodies = [
    '',
    '\n',
    text.slice(0, -1),
    `${origin}\n${size}\n`,
    `\n${size}\n${root}\n`,
    `${origin}\n01\n${root}\n`,
    `${origin}\n+1\n${root}\n`,
    `${origin}\n-1\n${root}\n`,
    `${origin}\n1.0\n${root}\n`,
    `${origin}\n18446744073709551616\n${root}\n`,
    `${origin}\n${size}\n${root.slice(0, -1)}\n`,
    `${origin}\n${size}\n${root} \n`,
    `${origin}\n${size}\nAAAA\n`,
    text.replaceAll('\n', '\r\n'),
  ]
  return bodies.map((body) => refused(body, 'HANSE_LOG_CHECKPOINT', () => parseCheckpoint(body)))
}

function signedCheckpoints(text: string, cosigned: string) {
  const moved = signNote(text, other)
  const broken = cosigned.replace(
    /(witness\.example\/w \S{30})(.)/u,
    (_, head: string, at: string) => head + (at === 'A' ? 'B' : 'A'),
  )
  const cases: [string, string, string, readonly string[], string | null][] = [
    ['signed by its log', signCheckpoint(log, { size: 1n, root: ROOT }), log.vkey, [], null],
    ['cosigned', cosigned, log.vkey, [witness.vkey, second.vkey], null],
    ['signed by another log', moved, log.vkey, [], 'HANSE_LOG_UNSIGNED'],
    ['of another origin', moved, other.vkey, [], 'HANSE_LOG_ORIGIN'],
    [
      'cosigned, and not signed by its log',
      cosignedOnly(text),
      log.vkey,
      [witness.vkey],
      'HANSE_LOG_UNSIGNED',
    ],
    ['a cosignature changed', broken, log.vkey, [witness.vkey], 'HANSE_LOG_SIGNATURE'],
    ['a text that is no checkpoint', signNote('text\n', log), log.vkey, [], 'HANSE_LOG_CHECKPOINT'],
  ]
  return cases.map(([why, note, logKey, witnessKeys, code]) => {
    if (code === null) openCheckpoint(note, logKey, witnessKeys)
    else refused(note, code, () => openCheckpoint(note, logKey, witnessKeys))
    return { why, note, logKey, witnessKeys, code }
  })
}

const cosignedOnly = (text: string) => `${text}\n${witness.cosign(text, TIME)}\n`

function refused(text: string, code: string, run: () => unknown) {
  const got = codeOf(run)
  if (got !== code) throw new Error(`${JSON.stringify(text)}: ${got}, not ${code}`)
  return { text, code }
}
