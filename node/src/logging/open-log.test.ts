import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, test } from 'vitest'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-log-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const OPEN_LOG = fileURLToPath(new URL('./open-log.ts', import.meta.url))

/** Runs `code` in a process of its own: standard error is part of what is tested. */
function logging(code: string, { redirect = '' } = {}) {
  const script = `
    import { openLog } from ${JSON.stringify(OPEN_LOG)}
    const opened = openLog({ logLevel: 'info', dataDir: ${JSON.stringify(folder)}, logFileMb: 1 })
    const { log, feed } = opened
    ${code}
    opened[Symbol.dispose]()`
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', `exec "$0" --input-type=module -e "$1" ${redirect}`, process.execPath, script],
    { encoding: 'utf8', timeout: 30_000 },
  )
  return { status, stdout, stderr }
}

const entries = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('the log of a daemon', () => {
  test('has the same JSON lines on standard error, in its file, and for whoever follows', () => {
    const { status, stdout, stderr } = logging(`
      feed.follow((line) => console.log(line))
      log.info({ offer: 'bafy' }, 'on the market')
      log.debug('not at this level')
      log.child({ part: 'relay' }).warn('careful')`)
    assert.equal(status, 0)
    const told = entries(stderr)
    assert.deepEqual(
      told.map(({ level, msg, offer, part }) => [level, msg, offer ?? part]),
      [
        [30, 'on the market', 'bafy'],
        [40, 'careful', 'relay'],
      ],
    )
    assert.deepEqual(entries(stdout), told)
    assert.deepEqual(entries(readFileSync(join(folder, 'logs', 'hanse.log'), 'utf8')), told)
  })

  test('hands back the last lines, of an earlier run too', () => {
    logging(`log.info('first run')`)
    const { stdout } = logging(`log.info('second run'); console.log(feed.tail(10).join('\\n'))`)
    assert.deepEqual(
      entries(stdout).map(({ msg }) => msg),
      ['first run', 'second run'],
    )
  })

  test('keeps out secrets, prompts, answers and what JSON.parse quotes of them', () => {
    const marker = 'MARKER'
    const { status, stderr } = logging(`
      const prompt = '${marker} of a prompt'
      let broken
      try { JSON.parse(prompt) } catch (error) { broken = error }
      const failed = new Error('the engine failed', { cause: broken })
      failed.engineMessage = prompt
      failed.request = { messages: [{ role: 'user', content: prompt }] }
      log.error(failed)
      log.error(failed, 'an error, and a message')
      log.warn({ err: failed }, 'an error among facts')
      log.warn({ cause: broken.message }, broken.message)
      log.info({ messages: [{ content: prompt }], request: { body: { prompt } } }, 'a request')
      log.info({ apiKey: prompt, nested: { authorization: prompt, token: prompt } }, 'secrets')
      log.info({ chunk: new TextEncoder().encode(prompt), bytes: new TextEncoder().encode(prompt) })
      log.child({ prompt }).child({ prompt }).info({ prompt }, 'a child of a child')
      log.info({ inputTokens: 5, amount: 12n, far: { a: { b: { c: { d: { e: prompt } } } } } }, 'facts')`)
    assert.equal(status, 0)
    assert.ok(!stderr.includes(marker), stderr)
    const lines = entries(stderr)
    assert.equal(lines.length, 9)
    assert.match(JSON.stringify(lines[0]), /the engine failed.*\[…\] is not valid JSON/u)
    assert.deepEqual([lines.at(-1)?.inputTokens, lines.at(-1)?.amount], [5, '12'])
  })

  test('tells method, path and status of a web server’s requests, and no header', () => {
    const { status, stderr } = logging(`
      import { fastify } from ${JSON.stringify(import.meta.resolve('fastify'))}
      const app = fastify({ loggerInstance: log })
      app.get('/hello', async () => 'hi')
      await app.inject({ url: '/hello', headers: { authorization: 'Bearer hunter2' } })
      await app.close()`)
    assert.equal(status, 0)
    const [incoming, completed] = entries(stderr)
    assert.deepEqual(incoming?.req, { method: 'GET', url: '/hello' })
    assert.deepEqual(completed?.res, { statusCode: 200 })
    assert.ok(!stderr.includes('hunter2'))
  })

  test('goes on when neither disk nor standard error takes a line', () => {
    const { status, stdout } = logging(
      `for (let i = 0; i < 20_000; i++) log.info({ i, text: 'x'.repeat(100) }, 'a line')
       console.log(JSON.stringify({ heapMb: process.memoryUsage().heapUsed / 2 ** 20 }))
       setTimeout(() => console.log('{"still":"here"}'), 50)`,
      { redirect: '2>/dev/full' },
    )
    assert.equal(status, 0)
    assert.deepEqual(entries(stdout).at(-1), { still: 'here' })
  })

  test('goes on without its folder, and keeps the last lines in memory', () => {
    rmSync(folder, { recursive: true })
    const { status, stdout } = logging(
      `import { writeFileSync } from 'node:fs'
       writeFileSync(${JSON.stringify(folder)}, 'a file where the folder should be')
       log.info('still told')
       console.log(feed.lost, feed.tail(5).length)`,
    )
    assert.equal(status, 0)
    assert.equal(stdout.trim(), '1 1')
  })

  test('begins new files by itself', () => {
    logging(`for (let i = 0; i < 12_000; i++) log.info({ text: 'x'.repeat(200) }, 'a line')`, {
      redirect: '2>/dev/null',
    })
    assert.deepEqual(readdirSync(join(folder, 'logs')).toSorted(), [
      'hanse.log',
      'hanse.log.1',
      'hanse.log.2',
      'hanse.log.3',
    ])
  })
})
