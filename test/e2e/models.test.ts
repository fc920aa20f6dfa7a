import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, test } from 'vitest'
import { hanse } from '../support/hanse.ts'
import { TestTerminal } from '../support/terminal.ts'

const BIN = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const MODEL = fileURLToPath(new URL('../../models/hanse-tiny-v1.gguf', import.meta.url))

let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'hanse-models-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const pull = () => new TestTerminal(process.execPath, [BIN, 'models', 'pull', MODEL], { cwd })

test('in a terminal its user sees the licence and is asked once; no leaves nothing behind', async () => {
  {
    await using terminal = pull()
    await terminal.until(/licence {2}Apache-2\.0[\s\S]*Pull it\?/u)
    terminal.type('n')
    await terminal.until(/nothing was pulled/u)
    assert.equal((await terminal.exit()).code, 0)
  }
  assert.match((await hanse(['models', 'list'], cwd)).stdout, /No models/u)
  {
    await using terminal = pull()
    await terminal.until(/Pull it\?/u)
    terminal.type('\x03')
    assert.equal((await terminal.exit()).code, 0)
    assert.match(terminal.text(), /nothing was pulled/u)
  }
  {
    await using terminal = pull()
    await terminal.until(/Pull it\?/u)
    terminal.type('y')
    await terminal.until(/stored hanse-tiny-v1/u)
    assert.equal((await terminal.exit()).code, 0)
    // The line of progress was taken back: what stays is what is worth reading.
    assert.doesNotMatch(terminal.text(), /\d% /u)
    assert.match(terminal.raw, /100%/u)
  }
  assert.equal((await hanse(['models', 'verify'], cwd)).code, 0)
})
