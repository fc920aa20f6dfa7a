import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { gatewaySettings, providerSettings, relaySettings } from './schemas.ts'
import { loadConfigFile, readSettings, type Sources } from './settings.ts'

const none: Sources = { flags: {}, env: {}, file: { path: 'hanse.toml', table: {} } }

describe('a setting', () => {
  test('comes from the flag, then the environment, then the file, then its default', () => {
    const file = { path: 'hanse.toml', table: { slots: 3 } }
    const env = { HANSE_SLOTS: '4' }
    assert.equal(readSettings(providerSettings, none).slots, 2)
    assert.equal(readSettings(providerSettings, { ...none, file }).slots, 3)
    assert.equal(readSettings(providerSettings, { ...none, file, env }).slots, 4)
    assert.equal(readSettings(providerSettings, { flags: { slots: '5' }, file, env }).slots, 5)
  })

  test('that is on or off may be a flag alone, a word, or true in TOML', () => {
    const read = (sources: Partial<Sources>) =>
      readSettings(gatewaySettings, { ...none, ...sources }).euAudit
    assert.equal(read({}), true)
    for (const off of ['false', 'off']) assert.equal(read({ env: { HANSE_EU_AUDIT: off } }), false)
    assert.equal(read({ flags: { euAudit: true }, env: { HANSE_EU_AUDIT: 'false' } }), true)
    assert.equal(read({ file: { path: 'hanse.toml', table: { eu_audit: false } } }), false)
    assert.throws(
      () => read({ env: { HANSE_EU_AUDIT: 'maybe' } }),
      /HANSE_EU_AUDIT.*true or false/u,
    )
  })

  test.each([
    ['slots', '0', 'from 1 to 1024'],
    ['slots', 'many', 'whole number'],
    ['country', 'Germany', 'ISO 3166-1'],
    ['listen', 'tcp://x', 'multiaddr'],
    ['inputPrice', '-1', 'not a price'],
    ['settlementUrl', 'ftp://x', 'http'],
    ['engine', 'magic', 'one of auto, builtin, openai'],
  ])('%s = %s is refused by its name, with what is allowed', (name, value, allowed) => {
    assert.throws(
      () => readSettings(providerSettings, { ...none, flags: { [name]: value } }),
      (error: Error & { code?: string }) =>
        error.code === 'HANSE_CONFIG_INVALID' && error.message.includes(allowed),
    )
  })

  test('that is a place is a name and two numbers of degrees', () => {
    const read = (landmark: string) =>
      readSettings(relaySettings, { ...none, flags: { landmark } }).landmark
    const [latitude, longitude] = [-33.87, 151.21]
    assert.deepEqual(read('Sydney, -33.87, 151.21'), { name: 'Sydney', latitude, longitude })
    assert.equal(readSettings(relaySettings, none).landmark, undefined)
    for (const wrong of ['Sydney', 'Sydney,-33.87', ',1,2', 'X,91,0', 'X,0,181', 'X,1,2,3', 'X,,0'])
      assert.throws(() => read(wrong), /Frankfurt,50\.11,8\.68/u, wrong)
  })

  test('that is secret is not taken from a file, and its value is in no message', () => {
    const file = { path: 'hanse.toml', table: { api_key: 'hunter2' } }
    assert.throws(
      () => readSettings(gatewaySettings, { ...none, file }),
      (error: Error) => {
        return error.message.includes('HANSE_API_KEY') && !error.message.includes('hunter2')
      },
    )
    assert.equal(
      readSettings(gatewaySettings, { ...none, env: { HANSE_API_KEY: 'k' } }).apiKey,
      'k',
    )
    assert.equal(
      readSettings(gatewaySettings, { ...none, flags: { apiKey: 'k' } }).apiKey,
      undefined,
    )
  })
})

describe('hanse.toml', () => {
  let cwd = ''
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'hanse-config-'))
  })
  afterEach(() => rmSync(cwd, { recursive: true, force: true }))

  const load = () =>
    loadConfigFile('provider', (key) => key in providerSettings, cwd, {
      XDG_CONFIG_HOME: join(cwd, 'none'),
    })

  test('shares its top keys between programs and lets a table override them', () => {
    writeFileSync(
      join(cwd, 'hanse.toml'),
      'network = "devnet"\ngateway_url = "http://x"\n[provider]\ncountry = "NL"\n',
    )
    assert.deepEqual(load().table, { network: 'devnet', country: 'NL' })
  })

  test('may hold a table where a flag holds a list of pairs', () => {
    writeFileSync(
      join(cwd, 'hanse.toml'),
      '[provider]\ncountry = "NL"\n[provider.prices]\n"meta/llama-3.2-3b" = "0.05/0.20"\n"a/b" = "1/2..2/4"\n',
    )
    const { prices } = readSettings(providerSettings, { ...none, file: load() })
    assert.deepEqual(
      prices.map(({ model, strategy }) => [model, strategy.type]),
      [
        ['meta/llama-3.2-3b', 'fixed'],
        ['a/b', 'utilization'],
      ],
    )
  })

  test('is looked for in .hanse when the folder has none', () => {
    mkdirSync(join(cwd, '.hanse'))
    writeFileSync(join(cwd, '.hanse', 'hanse.toml'), 'bootstrap = ["/ip4/127.0.0.1/tcp/1"]\n')
    const settings = readSettings(providerSettings, { ...none, file: load() })
    assert.deepEqual(settings.bootstrap, ['/ip4/127.0.0.1/tcp/1'])
  })

  test('with an unknown key in the program’s table says which, and which are known', () => {
    writeFileSync(join(cwd, 'hanse.toml'), '[provider]\ncontry = "NL"\n')
    assert.throws(
      () => readSettings(providerSettings, { ...none, file: load() }),
      /unknown key contry.*country/u,
    )
  })

  test('that is not TOML is a clear error', () => {
    writeFileSync(join(cwd, 'hanse.toml'), 'network = ')
    assert.throws(load, { code: 'HANSE_CONFIG_INVALID' })
  })
})
