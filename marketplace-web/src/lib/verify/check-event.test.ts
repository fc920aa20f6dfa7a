import {
  entryOfEvent,
  formatProof,
  LEAF_SALT_BYTES,
  LogWriter,
  logEvent,
  MemoryLogStore,
  noteSignerOf,
  parseProof,
  signerOf,
  TileReader,
} from '@hanse/protocol'
import { expect, test } from 'vitest'
import { type ClaimedEvent, checkEvent } from './check-event.ts'

const at = 1_780_000_000_000
const signer = noteSignerOf('log.example/trail', signerOf(new Uint8Array(32).fill(7)))
const other = noteSignerOf('log.example/trail', signerOf(new Uint8Array(32).fill(8)))
const salt = new Uint8Array(LEAF_SALT_BYTES).fill(3)
const body = logEvent.encode({ kind: 'payout', at, record: null, sealed: null, subject: null })

/** The third of five entries. */
async function provedEvent(): Promise<ClaimedEvent> {
  const store = new MemoryLogStore()
  const writer = await LogWriter.open(store, signer)
  const leaf = entryOfEvent(salt, body)
  const filler = (byte: number) => entryOfEvent(salt, new Uint8Array(8).fill(byte))
  const { size, checkpoint } = await writer.append([
    filler(1),
    filler(2),
    leaf,
    filler(3),
    filler(4),
  ])
  const reader = new TileReader((path) => store.read(path), size)
  const proof = formatProof({ index: 2n, hashes: await reader.inclusionProof(2n), checkpoint })
  return {
    body: base64(body),
    salt: base64(salt),
    proof,
    kind: 'payout',
    at,
    record: null,
    logKey: signer.vkey,
  }
}

test('an event that is in the log is proved, with its place', async () => {
  const { verified, lines, inclusion } = checkEvent(await provedEvent())
  expect(lines.map(({ id, status }) => [id, status])).toEqual([
    ['told', 'ok'],
    ['signed', 'ok'],
    ['included', 'ok'],
    ['witnessed', 'unproved'],
  ])
  expect(verified).toBe(true)
  expect(inclusion).toEqual({ index: 2n, size: 5n, origin: 'log.example/trail' })
})

test('whatever is changed is seen, and named', async () => {
  const event = await provedEvent()
  const { checkpoint, hashes } = parseProof(event.proof ?? '')
  const elsewhere = formatProof({ index: 1n, hashes, checkpoint })
  const otherBody = logEvent.encode({
    kind: 'payout',
    at: at + 1,
    record: null,
    sealed: null,
    subject: null,
  })
  const cases: readonly (readonly [Partial<ClaimedEvent>, string])[] = [
    [{ kind: 'breach' }, 'told'],
    [{ at: at + 1 }, 'told'],
    [{ record: 'bafy' }, 'told'],
    [{ body: base64(new Uint8Array([1])) }, 'told'],
    [{ body: base64(otherBody), at: at + 1 }, 'included'],
    [{ salt: base64(new Uint8Array(LEAF_SALT_BYTES)) }, 'included'],
    [{ proof: elsewhere }, 'included'],
    [{ proof: (event.proof ?? '').replace('log.example', 'log.exampel') }, 'signed'],
    [{ proof: 'nothing' }, 'signed'],
    [{ logKey: other.vkey }, 'signed'],
  ]
  for (const [change, failed] of cases) {
    const outcome = checkEvent({ ...event, ...change })
    expect(outcome.verified, JSON.stringify(change)).toBe(false)
    expect(outcome.lines.find(({ status }) => status === 'failed')?.id).toBe(failed)
    expect(outcome.inclusion).toBeUndefined()
  }
})

test('an event that has no entry yet is neither proved nor wrong', async () => {
  const { verified, lines, inclusion } = checkEvent({ ...(await provedEvent()), proof: null })
  expect(verified).toBe(true)
  expect(lines.map(({ status }) => status)).toEqual(['ok', 'unproved', 'unproved', 'unproved'])
  expect(inclusion).toBeUndefined()
})

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
