import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'vitest'
import { AnswerPrinter } from './answer-printer.ts'

function printed(isTTY: boolean, run: (printer: AnswerPrinter) => void): string {
  const stream = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream
  run(new AnswerPrinter({ text: stream, thoughts: stream }))
  return String(stream.read() ?? '')
}

test('a terminal gets nothing that moves its cursor, a file every byte', () => {
  const say = (printer: AnswerPrinter) => printer.text('a\u001b[2Jb\n')
  assert.equal(printed(true, say), 'a·[2Jb\n')
  assert.equal(printed(false, say), 'a\u001b[2Jb\n')
})

test('thoughts are set apart from the answer, once', () => {
  const text = printed(false, (printer) => {
    printer.thought('Hm')
    printer.thought('.')
    printer.text('Yes')
    printer.text('!')
    printer.stopThinking()
  })
  assert.equal(text, 'Hm.\n\nYes!')
})
