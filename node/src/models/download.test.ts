import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { type DownloadOptions, download, type Progress } from './download.ts'
import { notePath, partPath } from './part-file.ts'
import { type Fault, ModelServer, sha256 } from './testing/model-server.ts'
import { quick, Sandbox, TINY } from './testing/sandbox.ts'

const DIGEST = sha256(TINY)
const OTHER = Buffer.from(TINY.map((byte) => byte ^ 1))

async function scene(run: (it: Scene) => Promise<void>): Promise<void> {
  await using server = await ModelServer.start()
  using sandbox = new Sandbox()
  server.files.set('/m.gguf', TINY)
  await run(new Scene(server, sandbox))
}

class Scene {
  readonly server: ModelServer
  readonly target: string
  readonly waits: number[] = []

  constructor(server: ModelServer, sandbox: Sandbox) {
    this.server = server
    this.target = sandbox.path('m.gguf')
  }

  get part(): string {
    return partPath(this.target)
  }

  async pull(
    wanted: { sha256?: string; sizeBytes?: number } = {},
    options: Partial<DownloadOptions> = {},
  ) {
    return await download({ from: new URL(`${this.server.url}/m.gguf`), ...wanted }, this.target, {
      ...quick(this.waits),
      ...options,
    })
  }

  /** A run that the server cuts off after so many bytes. */
  async stopAfter(bytes: number, fault: Fault = {}): Promise<void> {
    this.server.faults.push({ ...fault, dropAfter: bytes })
    await assert.rejects(this.pull({}, { triesMax: 1 }), { code: 'HANSE_MODEL_DOWNLOAD' })
    assert.equal(statSync(this.part).size, bytes)
  }

  ranges(): (string | undefined)[] {
    return this.server.downloads.map(({ range }) => range)
  }

  isWhole(content = TINY): void {
    assert.equal(sha256(readFileSync(this.target)), sha256(content))
    assert.equal(existsSync(this.part), false)
    assert.equal(existsSync(notePath(this.target)), false)
  }
}

describe('a download', () => {
  test('brings a file, tells how it goes, and knows its digest', async () =>
    await scene(async (it) => {
      const heard: Progress[] = []
      const got = await it.pull({ sha256: DIGEST }, { onProgress: (p) => heard.push(p) })
      assert.deepEqual(got, { sizeBytes: TINY.length, sha256: DIGEST })
      it.isWhole()
      assert.deepEqual(heard.at(-1), {
        phase: 'downloading',
        doneBytes: TINY.length,
        totalBytes: TINY.length,
      })
    }))

  test('goes on where a broken connection ended, again and again', async () =>
    await scene(async (it) => {
      it.server.faults.push({ dropAfter: 1_000_000 }, { dropAfter: 500_000 }, { status: 503 })
      await it.pull({ sha256: DIGEST })
      assert.deepEqual(it.ranges(), [
        undefined,
        'bytes=1000000-',
        'bytes=1500000-',
        'bytes=1500000-',
      ])
      it.isWhole()
    }))

  test('goes on in a later run, and hashes what was there', async () =>
    await scene(async (it) => {
      await it.stopAfter(1_234_567)
      const phases = new Set<string>()
      const got = await it.pull({}, { onProgress: ({ phase }) => phases.add(phase) })
      assert.equal(got.sha256, DIGEST)
      assert.deepEqual([...phases], ['checking', 'downloading'])
      const last = it.server.downloads.at(-1)
      assert.equal(last?.range, 'bytes=1234567-')
      assert.match(last?.ifRange ?? '', /^"[0-9a-f]{16}"$/u)
      it.isWhole()
    }))

  test('begins anew when the server knows no ranges', async () =>
    await scene(async (it) => {
      await it.stopAfter(1_000_000)
      it.server.faults.push({ ignoreRange: true })
      await it.pull({ sha256: DIGEST })
      it.isWhole()
    }))

  test.for([{}, { ignoreIfRange: true }])(
    'begins anew when the file has changed meanwhile (%j)',
    async (fault) =>
      await scene(async (it) => {
        await it.stopAfter(1_000_000)
        it.server.files.set('/m.gguf', OTHER)
        it.server.faults.push(fault)
        const got = await it.pull()
        assert.equal(got.sha256, sha256(OTHER))
        it.isWhole(OTHER)
      }),
  )

  test('begins anew when the file has become shorter than what is there', async () =>
    await scene(async (it) => {
      await it.stopAfter(1_000_000)
      it.server.files.set('/m.gguf', OTHER.subarray(0, 900_000))
      it.server.faults.push({ ignoreIfRange: true })
      await it.pull()
      it.isWhole(OTHER.subarray(0, 900_000))
    }))

  test('puts nothing together that neither a tag nor a digest would prove', async () =>
    await scene(async (it) => {
      await it.stopAfter(1_000_000, { noEtag: true })
      await it.pull()
      assert.deepEqual(it.ranges(), [undefined, undefined])
      it.isWhole()
    }))

  test('that was patched wrongly is noticed by its digest and begun anew once', async () =>
    await scene(async (it) => {
      await it.stopAfter(1_000_000)
      const damaged = readFileSync(it.part)
      damaged[500_000] = (damaged[500_000] ?? 0) ^ 0xff
      writeFileSync(it.part, damaged)
      await it.pull({ sha256: DIGEST })
      assert.deepEqual(it.ranges(), [undefined, 'bytes=1000000-', undefined])
      it.isWhole()
    }))

  test('of other bytes than promised is refused, and nothing of it kept', async () =>
    await scene(async (it) => {
      it.server.files.set('/m.gguf', OTHER)
      await assert.rejects(it.pull({ sha256: DIGEST }), { code: 'HANSE_MODEL_DIGEST' })
      assert.equal(existsSync(it.target), false)
      assert.equal(statSync(it.part).size, 0)
    }))

  test('that was killed between its last byte and its name needs no byte again', async () =>
    await scene(async (it) => {
      await it.stopAfter(TINY.length - 1)
      writeFileSync(it.part, TINY)
      await it.pull()
      assert.deepEqual(it.ranges().slice(1), [`bytes=${TINY.length}-`])
      it.isWhole()
    }))

  test('does not trust a part that lost its note, or that is of another source', async () =>
    await scene(async (it) => {
      writeFileSync(it.part, OTHER.subarray(0, 1000))
      await it.pull()
      it.isWhole()
      await it.stopAfter(1_000_000)
      const note = JSON.parse(readFileSync(notePath(it.target), 'utf8')) as Record<string, unknown>
      writeFileSync(notePath(it.target), JSON.stringify({ ...note, source: 'http://x/y.gguf' }))
      await it.pull()
      assert.deepEqual(it.ranges(), [undefined, undefined, undefined])
    }))
})

describe('a server that misbehaves', () => {
  test('is given up after some tries, with longer waits, and what came is kept', async () =>
    await scene(async (it) => {
      it.server.faults.push({ dropAfter: 1_000_000 }, ...Array<Fault>(9).fill({ status: 502 }))
      await assert.rejects(it.pull(), {
        code: 'HANSE_MODEL_DOWNLOAD',
        message: /502.*1\.0 MB are kept/u,
      })
      assert.deepEqual(it.waits, [500, 1000, 2000, 4000, 8000])
      assert.equal(statSync(it.part).size, 1_000_000)
    }))

  test('that is not there is given up after some tries', async () =>
    await scene(async (it) => {
      const gone = await ModelServer.start()
      const from = new URL(`${gone.url}/m.gguf`)
      await gone[Symbol.asyncDispose]()
      await assert.rejects(download({ from }, it.target, quick(it.waits)), {
        code: 'HANSE_MODEL_DOWNLOAD',
        message: /ECONNREFUSED/u,
      })
      assert.equal(it.waits.length, 5)
    }))

  test('is waited for as it asks, within reason', async () =>
    await scene(async (it) => {
      it.server.faults.push({ status: 429, headers: { 'retry-after': '7' } })
      await it.pull()
      assert.deepEqual(it.waits, [7_000])
      it.server.faults.push({ status: 429, headers: { 'retry-after': '3600' } })
      await assert.rejects(it.pull(), { code: 'HANSE_MODEL_DOWNLOAD', retryAfterMs: 3_600_000 })
      assert.deepEqual(it.waits, [7_000])
    }))

  test.for([
    [404, 'HANSE_MODEL_DOWNLOAD'],
    [401, 'HANSE_MODEL_GATED'],
    [403, 'HANSE_MODEL_GATED'],
    [418, 'HANSE_MODEL_DOWNLOAD'],
  ] as const)(
    'is not asked twice after %i',
    async ([status, code]) =>
      await scene(async (it) => {
        it.server.faults.push({ status })
        await assert.rejects(it.pull(), { code })
        assert.equal(it.server.downloads.length, 1)
      }),
  )

  test('that falls silent is asked again', async () =>
    await scene(async (it) => {
      it.server.faults.push({ hangAfter: 1_000_000 })
      await it.pull({ sha256: DIGEST }, { stallMs: 300 })
      assert.equal(it.ranges()[1], 'bytes=1000000-')
      it.isWhole()
    }))

  test('that is slow, byte by byte, is waited for', async () =>
    await scene(async (it) => {
      it.server.files.set('/m.gguf', TINY.subarray(0, 3_000))
      it.server.faults.push({ chunkBytes: 300, chunkEveryMs: 100 })
      // Longer in all than the longest silence that is borne.
      await it.pull({}, { stallMs: 600 })
      assert.equal(it.server.downloads.length, 1)
    }))

  test('cannot make us take more than is allowed, said or not', async () =>
    await scene(async (it) => {
      await assert.rejects(it.pull({}, { sizeBytesMax: 1_000_000 }), {
        code: 'HANSE_MODEL_DOWNLOAD',
        message: /--model-max-gib/u,
      })
      it.server.faults.push({ noLength: true })
      await assert.rejects(it.pull({}, { sizeBytesMax: 1_000_000 }), { message: /sends more/u })
      assert.ok(statSync(it.part).size <= 1_000_000)
    }))

  test('that has another size than the hub said is refused before its bytes', async () =>
    await scene(async (it) => {
      await assert.rejects(it.pull({ sizeBytes: 1234 }), { message: /instead of 1234/u })
    }))

  test('that answers with a web page is not believed', async () =>
    await scene(async (it) => {
      it.server.faults.push({ headers: { 'content-type': 'text/html; charset=utf-8' } })
      await assert.rejects(it.pull(), { message: /web page/u })
    }))

  test('that replaces the file all the time is given up', async () =>
    await scene(async (it) => {
      let turn = 0
      const changing = setInterval(() => {
        turn++
        it.server.files.set('/m.gguf', Buffer.from(TINY.map((byte) => byte ^ (turn & 0xff))))
      }, 20)
      try {
        it.server.faults.push(
          ...Array<Fault>(60).fill({ dropAfter: 1_000_000, ignoreIfRange: true }),
        )
        await assert.rejects(
          it.pull({}, { sleep: async () => await new Promise((done) => setTimeout(done, 60)) }),
          { code: 'HANSE_MODEL_DOWNLOAD' },
        )
      } finally {
        clearInterval(changing)
      }
    }))
})

test('stopped by its user it ends at once, and goes on later', async () =>
  await scene(async (it) => {
    it.server.faults.push({ hangAfter: 1_000_000 })
    const stop = new AbortController()
    const running = it.pull(
      {},
      {
        signal: stop.signal,
        onProgress: ({ doneBytes }) => {
          if (doneBytes >= 900_000) stop.abort(new Error('interrupted'))
        },
      },
    )
    await assert.rejects(running, { message: 'interrupted' })
    assert.ok(statSync(it.part).size >= 900_000)
    await it.pull({ sha256: DIGEST })
    assert.match(it.ranges()[1] ?? '', /^bytes=9\d{5}-|^bytes=1\d{6}-/u)
    it.isWhole()
  }))

test('a part that was cut by a crash of the machine is fetched from there', async () =>
  await scene(async (it) => {
    await it.stopAfter(1_000_000)
    truncateSync(it.part, 700_001)
    await it.pull({ sha256: DIGEST })
    assert.equal(it.ranges()[1], 'bytes=700001-')
    it.isWhole()
  }))
