import assert from 'node:assert/strict'
import { picoEuro } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { Conversation, parseCommand } from './conversation.ts'

describe('a conversation', () => {
  test('is sent with its system message first, and adds up what it costs', () => {
    const chat = new Conversation('a/b', 'Be brief.')
    chat.say('One?')
    chat.hear('1', picoEuro(5n))
    chat.say('Two?')
    chat.hear('2', undefined)
    assert.deepEqual(
      chat.messages.map(({ role }) => role),
      ['system', 'user', 'assistant', 'user', 'assistant'],
    )
    assert.equal(chat.cost, 5n)
    assert.equal(chat.answers, 2)
  })

  test('takes back the last question with its answer, and keeps its cost', () => {
    const chat = new Conversation('a/b', undefined)
    assert.equal(chat.takeBack(), undefined)
    chat.say('One?')
    chat.hear('1', picoEuro(5n))
    chat.say('Two?')
    chat.hear('2', picoEuro(6n))
    assert.equal(chat.takeBack(), 'Two?')
    assert.deepEqual(
      chat.messages.map(({ content }) => content),
      ['One?', '1'],
    )
    assert.equal(chat.cost, 11n)
    chat.clear()
    assert.equal(chat.takeBack(), undefined)
  })

  test('leaves out a question that got no answer, which can be asked again', () => {
    const chat = new Conversation('a/b', undefined)
    chat.say('One?')
    chat.hear('1', undefined)
    chat.say('Two?')
    chat.hear('', picoEuro(7n))
    assert.equal(chat.messages.length, 2)
    assert.equal(chat.takeBack(), 'Two?')
    assert.equal(chat.messages.length, 2)
    assert.deepEqual([chat.answers, chat.cost], [1, 7n])
  })
})

describe('a line', () => {
  test.each([
    ['hello', undefined],
    ['//etc/hosts is a file', undefined],
    ['/help', { name: 'help' }],
    ['/quit', { name: 'exit' }],
    ['/model  a/b:q4 ', { name: 'model', argument: 'a/b:q4' }],
    ['/system', { name: 'system', argument: '' }],
    ['/system Two\nlines', { name: 'system', argument: 'Two\nlines' }],
    ['/frobnicate now', { name: 'unknown', given: 'frobnicate' }],
    ['/', { name: 'unknown', given: '' }],
  ])('%j is read', (line, command) => {
    assert.deepEqual(parseCommand(line), command)
  })
})
