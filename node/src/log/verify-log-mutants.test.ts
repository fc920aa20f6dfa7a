import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { directorySource } from './directory.ts'
import { pathsOf } from './export-log.ts'
import { proveEntry } from './prove-entry.ts'
import type { LogSource } from './source.ts'
import { temporaryFolder, testSigner, writeLogFolder } from './testing/log-folder.ts'
import { verifyLog } from './verify-log.ts'

const { vkey } = testSigner()
const SIZE = 600

/** A source that holds what was read before, with one file changed. */
function changed(files: ReadonlyMap<string, Uint8Array>, path: string, to?: Uint8Array): LogSource {
  const read = async (wanted: string) => (wanted === path ? to : files.get(wanted))
  return {
    name: 'memory',
    tile: read,
    checkpoint: async () => (await read('checkpoint')) ?? new Uint8Array(0),
    hasEntries: async () => true,
    paths: async function* () {
      yield* files.keys()
    },
  }
}

test('no change of any file of a log goes unseen, and none is more than a failed check', async () => {
  using folder = temporaryFolder()
  await writeLogFolder(folder.path, SIZE)
  const source = directorySource(folder.path)
  const files = new Map([['checkpoint', await source.checkpoint()]])
  for (const path of pathsOf(BigInt(SIZE)))
    files.set(path, (await source.tile(path)) ?? assert.fail())
  const change = fc.record({
    path: fc.constantFrom(...files.keys()),
    kind: fc.constantFrom('bits', 'cut', 'longer', 'gone', 'other', 'insert'),
    at: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
    bits: fc.integer({ min: 1, max: 255 }),
    extra: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    other: fc.constantFrom(...files.values()),
  })
  await fc.assert(
    fc.asyncProperty(change, async ({ path, kind, at, bits, extra, other }) => {
      const bytes = files.get(path) ?? new Uint8Array(0)
      const place = Math.floor(at * bytes.length)
      const flipped = bytes.with(place, (bytes[place] ?? 0) ^ bits)
      const to = {
        bits: flipped,
        cut: bytes.slice(0, place),
        longer: Uint8Array.from([...bytes, ...extra]),
        gone: undefined,
        other,
        insert: Uint8Array.from([...bytes.slice(0, place), ...extra, ...bytes.slice(place)]),
      }[kind]
      fc.pre(to === undefined || Buffer.compare(to, bytes) !== 0)
      const { report, checkpoint } = await verifyLog(changed(files, path, to), { vkey })
      assert.equal(report.verified, false)
      assert.equal(checkpoint, undefined)
      for (const check of report.checks) assert.notEqual(check.code, 'HANSE_INTERNAL', check.detail)
      // A proof either rests on what is still right, or is refused with a code.
      await proveEntry(changed(files, path, to), 7n, vkey).catch((error: unknown) => {
        assert.match(String((error as { code?: unknown }).code), /^HANSE_LOG_/u)
      })
    }),
    { numRuns: 300 },
  )
}, 60_000)
