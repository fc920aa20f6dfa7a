import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { chooseRelease } from './choose.ts'
import { newestSeen, rememberSeen } from './seen-version.ts'
import { compareVersions, newestOf, parseVersion, type Version } from './version.ts'

const version = (text: string): Version => {
  const parsed = parseVersion(text)
  assert.ok(parsed !== undefined, text)
  return parsed
}

test('versions stand in the order that semver.org gives as its example', () => {
  const ordered =
    '0.9.9 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.2.0 1.10.0 2.0.0'.split(
      ' ',
    )
  for (const [i, a] of ordered.entries())
    for (const [j, b] of ordered.entries())
      assert.equal(
        Math.sign(compareVersions(version(a), version(b))),
        Math.sign(i - j),
        `${a} ${b}`,
      )
})

test('what is no version is not taken for one', () => {
  for (const text of ['', '1', '1.2', '1.2.3.4', 'v', '1.2.x', '1.2.3 ', '--help', '9999999.0.0'])
    assert.equal(parseVersion(text), undefined, text)
  assert.equal(newestOf(['v1.9.0', 'nightly', 'v1.10.0', 'v2.0.0-rc.1']), 'v1.10.0')
  assert.equal(newestOf(['nightly']), undefined)
})

describe('which release is installed', () => {
  const choice = { current: '1.2.0', newest: '1.3.0', highestSeen: undefined, to: undefined }

  test('the newest, unless it runs already', () => {
    assert.equal(chooseRelease(choice), '1.3.0')
    assert.equal(chooseRelease({ ...choice, newest: '1.2.0', highestSeen: '1.2.0' }), undefined)
    assert.equal(chooseRelease({ ...choice, newest: '1.1.0' }), undefined, 'never an older one')
  })

  test('not one older than what was seen before, unless it is asked for by name', () => {
    const hidden = { ...choice, highestSeen: '1.4.0' }
    assert.throws(() => chooseRelease(hidden), { code: 'HANSE_UPDATE_FAILED' })
    assert.equal(chooseRelease({ ...hidden, to: '1.1.0' }), '1.1.0')
    assert.throws(() => chooseRelease({ ...choice, to: '../x' }), { code: 'HANSE_CONFIG_INVALID' })
  })
})

test('the highest release that was seen is never forgotten', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hanse-seen-'))
  try {
    assert.equal(await newestSeen(folder), undefined)
    await rememberSeen(folder, 'v1.3.0')
    await rememberSeen(folder, '1.2.9')
    assert.equal(await newestSeen(folder), '1.3.0')
    await rememberSeen(folder, '1.10.0')
    assert.equal(await newestSeen(folder), '1.10.0')
    await writeFile(join(folder, 'update.json'), '{"highest":7}')
    assert.equal(await newestSeen(folder), undefined)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
