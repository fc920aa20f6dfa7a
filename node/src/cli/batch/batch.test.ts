import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HanseError, type PicoEuro, picoEuro } from '@hanse/protocol'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { BatchFile, type BatchRequest } from './batch-file.ts'
import { progressLine } from './batch-progress.ts'
import { beginningOf, ResultsFile } from './results-file.ts'
import { runBatch } from './run-batch.ts'
import { Tally } from './tally.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-batch-'))
})
afterEach(async () => await rm(folder, { recursive: true }))

const file = async (...lines: unknown[]): Promise<string> => {
  const path = join(folder, 'batch.jsonl')
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
  await writeFile(path, `${text.join('\n')}\n`)
  return path
}
const readBatch = async (path: string, model: string | undefined): Promise<BatchRequest[]> => {
  await using batch = await BatchFile.open(path, model)
  const requests: BatchRequest[] = []
  for await (const request of batch.requests()) requests.push(request)
  assert.deepEqual(
    requests.map(({ id }) => id),
    [...batch.ids],
  )
  return requests
}
const say = (content: string) => ({ messages: [{ role: 'user', content }] })
const named = (custom_id: string, changes: object = {}) => ({
  custom_id,
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model: 'a/b', ...say(custom_id) },
  ...changes,
})

describe('a batch file', () => {
  test('holds requests of the Batch API, or just their bodies, which go by their lines', async () => {
    const path = await file(named('one'), '', { model: 'a/c', input: 'x' }, { prompt: 'y' })
    const requests = await readBatch(path, 'a/default')
    assert.deepEqual(
      requests.map(({ id, line, path: url, body }) => [id, line, url, body.model]),
      [
        ['one', 1, '/v1/chat/completions', 'a/b'],
        ['3', 3, '/v1/embeddings', 'a/c'],
        ['4', 4, '/v1/completions', 'a/default'],
      ],
    )
  })

  test.each([
    ['not JSON', '{"messages": [{"content": "secret"', /line 1: not JSON/u],
    ['no model', say('x'), /line 1: body.model: missing/u],
    ['another method', named('a', { method: 'GET' }), /method: only POST/u],
    ['another path', named('a', { url: '/v1/images' }), /url: one of/u],
    ['a stream', named('a', { body: { model: 'a/b', stream: true } }), /not streamed/u],
    ['no object', '7', /line 1: the line/u],
  ])('with %s is refused, and quotes no prompt', async (_, line, message) => {
    const path = await file(line)
    await assert.rejects(readBatch(path, undefined), (error: Error) => {
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /secret/u)
      return true
    })
  })

  test('tells the faults of all lines at once, an id that comes twice among them', async () => {
    const path = await file(named('a'), '{', named('a'))
    await assert.rejects(readBatch(path, undefined), /line 2: not JSON; line 3: .*line 1/u)
  })

  test('that is not there is a clear fault', async () => {
    await assert.rejects(readBatch(join(folder, 'none'), undefined), {
      code: 'HANSE_REQUEST_INVALID',
    })
  })
})

describe('a run', () => {
  /** Answers each request by what its text says, and remembers what it was asked. */
  const asked: string[] = []
  const keys = new Set<string>()
  let server: Server
  let gatewayUrl: string
  beforeEach(async () => {
    asked.length = 0
    keys.clear()
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as {
          messages: { content: string }[]
        }
        const text = body.messages[0]?.content ?? ''
        asked.push(text)
        keys.add(String(request.headers['idempotency-key']))
        const ending = /^end (\d+) (\w+)$/u.exec(text)
        const isBusy = text.startsWith('busy') && asked.filter((one) => one === text).length < 3
        const status = Number(ending?.[1] ?? (isBusy ? 429 : text.startsWith('bad') ? 400 : 200))
        const code = ending?.[2] ?? (isBusy ? 'HANSE_CAPACITY' : 'HANSE_REQUEST_INVALID')
        const good = {
          usage: { prompt_tokens: 2, completion_tokens: 3 },
          hanse: { cost_pico_euro: '7000' },
        }
        response.writeHead(status, { 'content-type': 'application/json', 'retry-after-ms': '1' })
        response.end(JSON.stringify(status === 200 ? good : { error: { code, message: text } }))
      })
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    gatewayUrl = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : ''
  })
  afterEach(() => {
    server.close()
    server.closeAllConnections()
  })

  const run = async (
    path: string,
    {
      maxCost,
      stopAfter,
      fresh = false,
      attempts = 4,
    }: { maxCost?: PicoEuro; stopAfter?: number; fresh?: boolean; attempts?: number } = {},
  ) => {
    await using batch = await BatchFile.open(path, undefined)
    const output = join(folder, 'results.jsonl')
    const tally = new Tally(batch.ids.size)
    await using results = await ResultsFile.open(output, {
      fresh,
      onAnswer: (_, body) => tally.answered(body),
    })
    const stop = new AbortController()
    const end = await runBatch(batch.requests(), results, tally, {
      access: { gatewayUrl, apiKey: undefined },
      concurrency: 1,
      attempts,
      maxCost,
      headers: {},
      stop: stop.signal,
      cancel: new AbortController().signal,
      onProgress: () => {
        if (stopAfter !== undefined && tally.done >= stopAfter) stop.abort()
      },
    })
    return { end, tally, output, batch: results.batch }
  }
  const results = async (output: string) =>
    (await readFile(output, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { custom_id: string; response: unknown; error: unknown })

  test('writes a line for each request, tries again where that helps, and adds up', async () => {
    const path = await file(named('one'), named('busy'), named('bad'))
    const { end, tally, output } = await run(path)
    assert.equal(end, 'finished')
    assert.deepEqual([tally.done, tally.failed], [2, 1])
    assert.deepEqual([tally.inputTokens, tally.outputTokens, tally.cost], [4, 6, 14_000n])
    assert.deepEqual(asked, ['one', 'busy', 'busy', 'busy', 'bad'])
    // One for each request, however often it was sent.
    assert.equal(keys.size, 3)
    const lines = await results(output)
    assert.deepEqual(
      lines.map(({ custom_id, response }) => [custom_id, response !== null]),
      [
        ['one', true],
        ['busy', true],
        ['bad', false],
      ],
    )
    assert.deepEqual(lines[2]?.error, { code: 'HANSE_REQUEST_INVALID', message: 'bad' })
  })

  test('that was interrupted goes on where it stopped, also in the middle of a line', async () => {
    const path = await file(named('one'), named('two'), named('three'))
    const { end, output, batch } = await run(path, { stopAfter: 1 })
    assert.equal(end, 'stopped')
    await appendFile(output, '{"custom_id":"two","respo')
    const second = await run(path)
    assert.deepEqual([second.end, second.tally.done, second.tally.cost], ['finished', 3, 21_000n])
    assert.deepEqual(asked, ['one', 'two', 'three'])
    assert.equal((await results(output)).length, 3)
    assert.equal(second.batch, batch)
  })

  test('that was killed before its first answer is known again; a fresh one is another', async () => {
    const path = await file(named('one'))
    const output = join(folder, 'results.jsonl')
    const names: string[] = []
    for (const _ of [1, 2]) {
      await using killed = await ResultsFile.open(output, { fresh: false })
      names.push(killed.batch)
    }
    const { batch } = await run(path)
    assert.deepEqual(names, [batch, batch])
    assert.ok(Math.abs(beginningOf(batch) - Date.now()) < 60_000)
    // Its answer would be the old one otherwise, by the key under which it was asked.
    await run(path, { fresh: true })
    assert.deepEqual([asked.length, keys.size], [2, 2])
  })

  test('asks the failed ones again, and those alone', async () => {
    const path = await file(named('one'), named('bad'))
    await run(path)
    const { output } = await run(path)
    assert.deepEqual(asked, ['one', 'bad', 'bad'])
    assert.deepEqual(
      (await results(output)).map(({ custom_id }) => custom_id),
      ['one', 'bad'],
    )
  })

  test.each([
    ['whose key is refused', 401, 'HANSE_UNAUTHENTICATED'],
    ['without money', 402, 'HANSE_BUDGET_EXHAUSTED'],
  ])('%s ends at once, and blames no request', async (_, status, code) => {
    const path = await file(named('one'), named(`end ${status} ${code}`), named('three'))
    const { end, tally, output } = await run(path)
    assert.ok(end instanceof HanseError)
    assert.equal(end.code, code)
    assert.deepEqual([tally.done, tally.failed], [1, 0])
    assert.equal((await results(output)).length, 1)
  })

  test('without a gateway tries a while, and ends', async () => {
    const path = await file(named('one'))
    server.close()
    server.closeAllConnections()
    const { end, tally } = await run(path, { attempts: 2 })
    assert.ok(end instanceof HanseError)
    assert.deepEqual([end.code, tally.failed], ['HANSE_GATEWAY_UNREACHABLE', 0])
  })

  test('sends nothing more once its cost is reached', async () => {
    const path = await file(named('one'), named('two'), named('three'))
    const { end, tally } = await run(path, { maxCost: picoEuro(10_000n) })
    assert.deepEqual([end, tally.done], ['spent', 2])
  })

  test('does not write into a file of something else', async () => {
    const path = await file(named('one'))
    await writeFile(join(folder, 'results.jsonl'), 'my thesis\n')
    await assert.rejects(run(path), { code: 'HANSE_REQUEST_INVALID' })
    assert.equal(await readFile(join(folder, 'results.jsonl'), 'utf8'), 'my thesis\n')
  })
})

test('progress tells what is done, failed and spent, and how long the rest will take', () => {
  const tally = new Tally(10)
  tally.answered({ usage: { completion_tokens: 5 }, hanse: { cost_pico_euro: '2000000000000' } })
  tally.answered({})
  tally.fail(new HanseError('HANSE_CAPACITY', 'busy'))
  assert.equal(
    progressLine(tally, { before: 1, elapsedMs: 2_000 }),
    ' 30%  3 of 10 · 1 failed · 5 tokens · 2.00 EUR · 7 s left',
  )
})

test('what was paid beyond the answers is told, and never less than they cost', () => {
  const tally = new Tally(2)
  tally.answered({ hanse: { cost_pico_euro: '100' } })
  tally.settle(130n)
  assert.deepEqual([tally.cost, tally.cut], [130n, 30n])
  // An answer that was paid for before it was written down came again.
  tally.answered({ hanse: { cost_pico_euro: '30' } })
  tally.settle(130n)
  assert.deepEqual([tally.cost, tally.cut], [130n, 0n])
  tally.settle(0n)
  assert.equal(tally.cost, 130n)
})
