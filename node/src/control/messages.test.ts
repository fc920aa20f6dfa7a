import assert from 'node:assert/strict'
import { picoEuro } from '@hanse/protocol'
import { describe, test } from 'vitest'
import {
  ANSWER_BYTES_MAX,
  decodeAnswer,
  decodeRequest,
  encodeRequest,
  encodeValue,
  logAnswers,
  REQUEST_BYTES_MAX,
  shortReport,
  shortStatus,
} from './messages.ts'
import { SESSIONS_MAX, TEXT_MAX } from './status-schema.ts'
import { exampleReachability, exampleStatus } from './testing/example-status.ts'

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

describe('a request', () => {
  test.each([
    { method: 'ping' },
    { method: 'status' },
    { method: 'reachability' },
    { method: 'watch', everyMs: 500 },
    { method: 'logs', lines: 100, follow: true },
  ] as const)('%j is read as it was written', (asked) => {
    assert.deepEqual(decodeRequest(encodeRequest(asked)), asked)
  })

  test.each([
    ['no JSON', new Uint8Array([0xff, 0x00])],
    ['a list', bytes([1])],
    ['another version', bytes({ v: 2, method: 'status' })],
    ['an unknown method', bytes({ v: 1, method: 'shutdown' })],
    ['a method of every object', bytes({ v: 1, method: 'constructor' })],
    ['watching without a pause', bytes({ v: 1, method: 'watch', everyMs: 0 })],
    ['a million log lines', bytes({ v: 1, method: 'logs', lines: 1e6, follow: false })],
    ['half a line', bytes({ v: 1, method: 'logs', lines: 0.5, follow: false })],
    ['a book', bytes({ v: 1, method: 'status', note: 'x'.repeat(REQUEST_BYTES_MAX) })],
  ])('that is %s is refused', (_what, sent) => {
    assert.throws(() => decodeRequest(sent), { code: 'HANSE_REQUEST_INVALID' })
  })
})

describe('a status', () => {
  test('comes back as it was, with amounts beyond 2^53 and with what is undefined', () => {
    for (const status of [
      exampleStatus(),
      exampleStatus({ live: undefined, settlement: undefined }),
      exampleStatus({
        totals: { ...exampleStatus().totals, earned: picoEuro(2n ** 80n) },
      }),
    ]) {
      assert.deepEqual(decodeAnswer('status', encodeValue('status', status)), status)
    }
  })

  test('of a thousand sessions and endless texts is shortened until it fits', () => {
    const [session] = exampleStatus().sessions
    assert.ok(session !== undefined)
    const status = exampleStatus({
      sessions: Array.from({ length: 5_000 }, () => session),
      engines: [{ name: 'x', ready: false, message: 'y'.repeat(1e6) }],
    })
    const sent = encodeValue('status', shortStatus(status))
    assert.ok(sent.byteLength <= ANSWER_BYTES_MAX)
    const read = decodeAnswer('status', sent)
    assert.equal(read?.sessions.length, SESSIONS_MAX)
    assert.equal(read?.engines[0]?.message.length, TEXT_MAX)
  })

  test.each([
    ['an amount that is a number', { totals: { ...exampleStatus().totals, earned: 5 } }],
    ['a state of another release', { state: 'sleeping' }],
    ['no models', { models: undefined }],
  ])('with %s is refused by its field', (_what, changes) => {
    const value = JSON.parse(
      JSON.stringify({ ...exampleStatus(), ...changes }, (_key, item: unknown) =>
        typeof item === 'bigint' ? item.toString() : item,
      ),
    ) as unknown
    assert.throws(() => decodeAnswer('status', bytes({ t: 'value', value })), {
      code: 'HANSE_FRAME_MALFORMED',
    })
  })

  test('answered with a fault throws that fault, and an unknown code as one of ours', () => {
    const fault = (code: string) => bytes({ t: 'fault', code, message: 'no' })
    assert.throws(() => decodeAnswer('status', fault('HANSE_FORBIDDEN')), {
      code: 'HANSE_FORBIDDEN',
    })
    assert.throws(() => decodeAnswer('status', fault('HANSE_OF_2040')), { code: 'HANSE_INTERNAL' })
  })
})

describe('a report of peers', () => {
  test('comes back as it was, with what nobody said', () => {
    const report = exampleReachability()
    assert.deepEqual(decodeAnswer('reachability', encodeValue('reachability', report)), report)
  })

  test('with an endless fault is cut, and one with a fault of another release is refused', () => {
    const report = exampleReachability()
    const [peer] = report.peers
    assert.ok(peer !== undefined)
    const long = shortReport({ ...report, peers: [{ ...peer, fault: 'x'.repeat(1e6) }] })
    const read = decodeAnswer('reachability', encodeValue('reachability', long))
    assert.equal(read?.peers[0]?.fault?.length, TEXT_MAX)
    const results = [{ address: 'x', ok: false, ms: 1, fault: 'moon' }]
    const value = { ...report, peers: [{ ...peer, results, fault: null }] }
    assert.throws(() => decodeAnswer('reachability', bytes({ t: 'value', value })), {
      code: 'HANSE_FRAME_MALFORMED',
    })
  })
})

describe('log lines', () => {
  test('are split so that every answer fits in a frame, whatever they hold', () => {
    const lines = Array.from({ length: 100 }, (_, i) => `${i}${'\u0000'.repeat(32_000)}`)
    const answers = [...logAnswers(lines, 3)]
    for (const part of answers) {
      assert.ok(encodeValue('logs', part).byteLength <= ANSWER_BYTES_MAX)
    }
    assert.deepEqual(
      answers.flatMap((part) => part.lines),
      lines,
    )
    assert.equal(
      answers.reduce((sum, part) => sum + part.dropped, 0),
      3,
    )
  })
})
