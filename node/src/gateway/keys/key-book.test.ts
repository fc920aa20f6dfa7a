import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { picoEuro } from '@hanse/protocol'
import { NOW } from '@hanse/protocol/testing'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { NodeStore } from '../../store/node-store.ts'
import { isSecret, KeyBook, type KeyBookOptions } from './key-book.ts'

let folder = ''
let path = ''
let now = NOW
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-keys-'))
  path = join(folder, 'node.db')
  now = NOW
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bookOf = (store: NodeStore, options: Partial<KeyBookOptions> = {}): KeyBook =>
  new KeyBook(store.keys, { now: () => now, random: (n) => randomBytes(n), ...options })

function withBook<Result>(use: (book: KeyBook) => Result): Result {
  using store = new NodeStore(path)
  return use(bookOf(store))
}

describe('a key', () => {
  test('is found by its secret, after a restart too, and its secret is nowhere in the folder', () => {
    const { secret, key } = withBook((book) =>
      book.create('Anna', { budget: picoEuro(2n ** 70n), tags: ['team-a'] }),
    )
    assert.ok(isSecret(secret))
    assert.match(key.id, /^key_[\w-]{16}$/u)
    assert.equal(key.hint, secret.slice(-4))
    withBook((book) => {
      assert.deepEqual(book.withSecret(secret), key)
      assert.equal(book.withSecret(`${secret}x`), undefined)
      assert.equal(book.withSecret(''), undefined)
    })
    for (const text of [secret, secret.slice('hanse_sk_'.length)])
      assert.equal(readFileSync(path).includes(text), false)
  })

  test('has a name that no other key has, until it is revoked', () => {
    withBook((book) => {
      const first = book.create('anna', {})
      assert.throws(() => book.create('anna', {}), { code: 'HANSE_REQUEST_INVALID' })
      book.create('bert', {})
      assert.throws(() => book.update('bert', {}, 'anna'), { code: 'HANSE_REQUEST_INVALID' })
      book.update('bert', {}, 'bert')
      book.revoke('anna')
      const second = book.create('anna', {})
      assert.equal(book.get('anna').id, second.key.id)
      assert.equal(book.get(first.key.id).revokedAt, NOW)
    })
  })

  test.each(['', ' anna', 'key_anna', 'owner', 'a\nb', 'x'.repeat(65), '\u001b[2J'])(
    'is not called %j',
    (name) => {
      withBook((book) => {
        assert.throws(() => book.create(name, {}), { code: 'HANSE_REQUEST_INVALID' })
        assert.deepEqual(book.list(), [])
      })
    },
  )

  test('changes in what is said, and keeps the rest', () => {
    withBook((book) => {
      book.create('anna', { models: ['hanse/*'], parallel: 2 })
      const { terms, name } = book.update('anna', { parallel: null }, 'Anna B.')
      assert.deepEqual([name, terms.models, terms.parallel], ['Anna B.', ['hanse/*'], null])
    })
    withBook((book) => assert.deepEqual(book.get('Anna B.').terms.models, ['hanse/*']))
  })

  test('that nobody knows cannot be changed', () => {
    withBook((book) => {
      for (const change of [
        () => book.update('nobody', {}),
        () => book.rotate('nobody', 0),
        () => book.revoke('nobody'),
      ])
        assert.throws(change, { code: 'HANSE_NOT_FOUND' })
    })
  })
})

describe('another secret', () => {
  test('counts at once, and the one before until its grace is over', () => {
    const [old, fresh] = withBook((book) => [
      book.create('anna', {}).secret,
      book.rotate('anna', 1_000).secret,
    ])
    withBook((book) => {
      const { id, hint } = book.get('anna')
      assert.equal(hint, fresh?.slice(-4))
      now = NOW + 999
      for (const secret of [old, fresh]) assert.equal(book.withSecret(secret ?? '')?.id, id)
      now = NOW + 1_000
      assert.equal(book.withSecret(old ?? ''), undefined)
      assert.equal(book.withSecret(fresh ?? '')?.id, id)
    })
  })

  test('without grace ends the one before, and a second one ends that in grace', () => {
    withBook((book) => {
      const secrets = [book.create('anna', {}), book.rotate('anna', 0), book.rotate('anna', 1_000)]
      const found = () => secrets.map(({ secret }) => book.withSecret(secret) !== undefined)
      assert.deepEqual(found(), [false, true, true])
      secrets.push(book.rotate('anna', 1_000))
      assert.deepEqual(found(), [false, false, true, true])
    })
  })
})

test('a revoked key is still known, cannot be changed, and its gateway stays closed', () => {
  const secret = withBook((book) => {
    assert.equal(book.isUsed, false)
    const made = book.create('anna', {})
    assert.equal(book.revoke('anna').revokedAt, NOW)
    assert.throws(() => book.revoke(made.key.id), { code: 'HANSE_REQUEST_INVALID' })
    assert.throws(() => book.rotate(made.key.id, 0), { code: 'HANSE_REQUEST_INVALID' })
    return made.secret
  })
  withBook((book) => {
    assert.equal(book.isUsed, true)
    assert.equal(book.withSecret(secret)?.revokedAt, NOW)
  })
})

test('whoever listens hears of each change once it is kept', () => {
  using store = new NodeStore(path)
  const heard: string[] = []
  const book = bookOf(store, {
    onChange: ({ name, id }, action) => {
      assert.ok(store.keys.all().some((row) => row.id === id && row.name === name))
      heard.push(`${name} ${action}`)
    },
  })
  book.create('anna', {})
  book.update('anna', { disabled: true })
  book.rotate('anna', 0)
  book.revoke('anna')
  assert.deepEqual(heard, ['anna created', 'anna changed', 'anna rotated', 'anna revoked'])
})

test('the last use is told at once, and kept once a minute and at the end', () => {
  withBook((book) => {
    const { id } = book.create('anna', {}).key
    book.used(id)
    now = NOW + 59_999
    book.used(id)
    assert.equal(book.get(id).lastUsedAt, now)
    book.used('key_of_nobody')
  })
  withBook((book) => {
    assert.equal(book.get('anna').lastUsedAt, NOW)
    book.used(book.get('anna').id)
    now += 1
    book.used(book.get('anna').id)
    book[Symbol.dispose]()
  })
  withBook((book) => assert.equal(book.get('anna').lastUsedAt, now))
})
