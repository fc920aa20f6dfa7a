import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'vitest'
import { TestTerminal } from './terminal.ts'

const script = (code: string, options: { columns?: number; rows?: number } = {}) =>
  new TestTerminal(process.execPath, ['-e', code], { cwd: tmpdir(), ...options })

test('a program in the test terminal has a terminal, is typed to, resized, and ends', async () => {
  await using terminal = script(
    `process.stdin.setRawMode(true)
     const show = () => console.log('size', process.stdout.columns, process.stdout.rows, process.stdout.isTTY)
     process.stdout.on('resize', show)
     show()
     process.stdin.on('data', (key) => {
       console.log('key', JSON.stringify(String(key)))
       if (String(key) === 'q') process.exit(7)
     })`,
    { columns: 70, rows: 20 },
  )
  await terminal.until(/size 70 20 true/u)
  terminal.type('\x1b[B')
  await terminal.until(/key "\\u001b\[B"/u)
  terminal.resize(44, 12)
  await terminal.until(/size 44 12 true/u)
  terminal.type('q')
  assert.deepEqual(await terminal.exit(), { code: 7, signal: 0 })
})

test('the test terminal tells the alternate screen from the normal one', async () => {
  await using terminal = script(
    `console.log('before'); process.stdout.write('\\x1b[?1049hinside')
     process.stdin.once('data', () => { process.stdout.write('\\x1b[?1049l'); process.exit() })`,
  )
  await terminal.until(/inside/u)
  assert.equal(terminal.alternate, true)
  assert.ok(!terminal.text().includes('before'))
  terminal.type('\r')
  await terminal.exit()
  assert.equal(terminal.alternate, false)
  assert.match(terminal.text(), /before/u)
})

test('waiting for what never comes says what the screen showed instead', async () => {
  await using terminal = script(`console.log('something else'); setInterval(() => {}, 1000)`)
  await terminal.until(/something/u)
  await assert.rejects(terminal.until(/wanted/u, 200), /something else/u)
  terminal.kill('SIGTERM')
  assert.equal((await terminal.exit()).signal, 15)
})
