import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { modelChoices, parseAliases, shortcutOf } from './model-names.ts'

describe('names of models', () => {
  const aliases = parseAliases('small = a/one, a/two:nitro,large=b/big')
  const choices = async (names: string[], offered: string[] = []) =>
    await modelChoices(names, aliases, async (name) => offered.includes(name))

  test('aliases stand for models in their order', async () => {
    assert.deepEqual(await choices(['small', 'c/three']), [
      { model: 'a/one' },
      { model: 'a/two', sort: 'throughput' },
      { model: 'c/three' },
    ])
  })

  test('shortcuts say what counts, also of an alias, unless an offer has just that id', async () => {
    assert.deepEqual(await choices(['large:floor']), [{ model: 'b/big', sort: 'price' }])
    assert.deepEqual(await choices(['x/y:nitro']), [{ model: 'x/y', sort: 'throughput' }])
    assert.deepEqual(await choices(['x/y:nitro'], ['x/y:nitro']), [{ model: 'x/y:nitro' }])
    assert.deepEqual(await choices(['x/y:q4']), [{ model: 'x/y:q4' }])
    assert.equal(shortcutOf(':nitro'), undefined)
  })

  test('one model is not tried twice, nor any number of them', async () => {
    assert.deepEqual(await choices(['a/one', 'a/one', 'small']), [
      { model: 'a/one' },
      { model: 'a/two', sort: 'throughput' },
    ])
    const many = Array.from({ length: 100 }, (_, i) => `m/${i}`)
    assert.equal((await choices(many)).length, 16)
  })

  test.each(['a/one', 'x=', '=a/one', 'x=a,x=b', 'x=a,=b'])('%s is no alias', (text) => {
    assert.throws(() => parseAliases(text))
  })

  test('nothing is no alias, and no fault', () => assert.equal(parseAliases('').size, 0))
})
