import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { lastLines } from './log-lines.ts'
import { RotatingFile } from './rotating-file.ts'

let folder = ''
let time = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-log-'))
  time = 1_000
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (path: string, options: { bytesMax?: number; filesMax?: number } = {}) =>
  new RotatingFile(path, { bytesMax: 100, filesMax: 3, now: () => time, ...options })

describe('a rotating log file', () => {
  test('keeps so many files of such a size, the newest lines in the first', () => {
    const path = join(folder, 'logs', 'hanse.log')
    using file = open(path)
    for (let line = 0; line < 100; line++) file.write(`line ${line}\n`)
    const files = readdirSync(join(folder, 'logs')).toSorted()
    assert.deepEqual(files, ['hanse.log', 'hanse.log.1', 'hanse.log.2'])
    for (const name of files) assert.ok(statSync(join(folder, 'logs', name)).size <= 100)
    assert.match(readFileSync(path, 'utf8'), /line 99\n$/u)
    const kept = lastLines(path, 1_000)
    assert.equal(kept.at(-1), 'line 99')
    assert.deepEqual(
      kept,
      Array.from({ length: kept.length }, (_, i) => `line ${100 - kept.length + i}`),
    )
    assert.equal(file.lost, 0)
  })

  test('is readable by its owner alone', () => {
    const path = join(folder, 'logs', 'hanse.log')
    using file = open(path)
    file.write('line\n')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(statSync(join(folder, 'logs')).mode & 0o777, 0o700)
  })

  test('goes on where the last run stopped', () => {
    const path = join(folder, 'hanse.log')
    for (const run of ['one', 'two']) {
      using file = open(path)
      file.write(`${run}\n`)
    }
    assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n')
  })

  test('keeps one file when told so', () => {
    const path = join(folder, 'hanse.log')
    using file = open(path, { filesMax: 1 })
    for (let line = 0; line < 50; line++) file.write(`line ${line}\n`)
    assert.deepEqual(readdirSync(folder), ['hanse.log'])
    assert.ok(statSync(path).size <= 100)
  })

  test('counts what a full disk does not take, and throws nothing', () => {
    const path = join(folder, 'hanse.log')
    symlinkSync('/dev/full', path)
    using file = open(path)
    for (let line = 0; line < 5; line++) file.write(`line ${line}\n`)
    assert.equal(file.lost, 5)
  })

  test('tells how many lines were lost once the disk takes lines again', () => {
    const path = join(folder, 'hanse.log')
    symlinkSync(join(folder, 'missing', 'x'), path)
    using file = open(path)
    file.write('first\n')
    file.write('second\n')
    rmSync(path)
    file.write('too soon to try again\n')
    time += 2_000
    file.write('fourth\n')
    const lines = lastLines(path, 10)
    assert.equal(file.lost, 3)
    assert.equal(JSON.parse(lines[0] ?? '').lost, 3)
    assert.equal(lines[1], 'fourth')
  })
})

describe('the last lines of a log', () => {
  test('are found in a file much longer than what is read at once', () => {
    const path = join(folder, 'hanse.log')
    using file = open(path, { bytesMax: 10_000_000 })
    const filler = 'ü'.repeat(500)
    for (let line = 0; line < 1_000; line++) file.write(`${line} ${filler}\n`)
    assert.deepEqual(
      lastLines(path, 300).map((line) => line.split(' ')[0]),
      Array.from({ length: 300 }, (_, i) => String(700 + i)),
    )
    assert.equal(lastLines(path, 5_000).length, 1_000)
    assert.deepEqual(lastLines(path, 0), [])
  })

  test('of no file at all are none', () => {
    assert.deepEqual(lastLines(join(folder, 'none'), 10), [])
  })
})
