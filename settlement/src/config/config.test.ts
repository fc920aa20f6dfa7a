import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cosignerOf, noteSignerOf } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEFAULT_HOLD_BACK } from '../earnings/hold-back.ts'
import { newSigner } from '../testing/deals.ts'
import { readConfig, readSecrets } from './config.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-config-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const write = (text: string) => writeFile(join(folder, 'hanse.toml'), text)
const read = (flags: object = {}, env: object = {}) =>
  readConfig({ ...flags }, { XDG_CONFIG_HOME: folder, ...env }, folder)

test('a flag wins over the environment, that over the file, that over the default', async () => {
  await write(
    'network = "file"\nmodel = "for another program"\n[settlement]\nfee_bps = 2000\nport = 1\n',
  )
  expect(read()).toMatchObject({ network: 'file', feeBps: 2000, port: 1, host: '127.0.0.1' })
  const env = { HANSE_NETWORK: 'env', HANSE_PORT: '2' }
  expect(read({}, env)).toMatchObject({ network: 'env', port: 2, feeBps: 2000 })
  expect(read({ port: '3' }, env)).toMatchObject({ port: 3 })
})

test('an unknown key of ours and a bad value are errors that name the key', async () => {
  await write('[settlement]\nfee = 1\n')
  expect(() => read()).toThrow(
    expect.objectContaining({
      code: 'HANSE_CONFIG_INVALID',
      message: expect.stringContaining('fee'),
    }),
  )
  await write('')
  expect(() => read({}, { HANSE_PORT: '70000' })).toThrow('HANSE_PORT')
})

test('secrets come from the environment or from a file, never from hanse.toml', async () => {
  await write('[settlement]\noperator_token = "x"\n')
  expect(() => read()).toThrow('operatorToken')
  const path = join(folder, 'token')
  await writeFile(path, 'secret\n')
  expect(readSecrets({ HANSE_OPERATOR_TOKEN_FILE: path }).operatorToken).toBe('secret')
  expect(readSecrets({ HANSE_OPERATOR_TOKEN: 'direct' }).operatorToken).toBe('direct')
  expect(() => readSecrets({ STRIPE_SECRET_KEY_FILE: join(folder, 'none') })).toThrow(
    'STRIPE_SECRET_KEY_FILE',
  )
})

test('witnesses are keys with their addresses, in a list or with commas', async () => {
  const key = cosignerOf('witness.example', newSigner()).vkey
  await write(`[settlement]\nwitnesses = ["${key}@https://witness.example/w/"]\n`)
  const witness = { vkey: key, url: 'https://witness.example/w' }
  expect(read().witnesses).toEqual([witness])
  const other = `${key}@http://127.0.0.1:1`
  expect(read({ witnesses: `${other}, ${other}` }).witnesses).toHaveLength(2)
  expect(read({}, { HANSE_WITNESSES: '' }).witnesses).toEqual([witness])
  const log = noteSignerOf('log.example', newSigner()).vkey
  for (const wrong of [key, `${key}@nowhere`, 'x@https://a', `${log}@https://a.example`]) {
    expect(() => read({ witnesses: wrong })).toThrow('HANSE_WITNESSES')
  }
})

test('the seller is a table of hanse.toml, or JSON', async () => {
  const seller = {
    name: 'Example GmbH',
    street: 'Speicherstraße 7',
    postalCode: '20457',
    city: 'Hamburg',
    country: 'DE',
    vatId: 'DE123456789',
  }
  await write(`[settlement.seller]
name = "Example GmbH"
street = "Speicherstraße 7"
postal-code = "20457"
city = "Hamburg"
country = "DE"
vat_id = "de 123 456 789"
`)
  expect(read().seller).toEqual(seller)
  await write('')
  expect(read().seller).toBeUndefined()
  const json = JSON.stringify({ ...seller, ossSince: '2027-01-01' })
  expect(read({}, { HANSE_SELLER: json }).seller).toMatchObject({ ossSince: '2027-01-01' })
  expect(() => read({ seller: '{' })).toThrow('HANSE_SELLER')
  const foreign = JSON.stringify({ ...seller, country: 'CH' })
  expect(() => read({ seller: foreign })).toThrow('seller.country')
  const unknown = JSON.stringify({ ...seller, bank: 'x' })
  expect(() => read({ seller: unknown })).toThrow('bank')
})

test('what is held back of a newcomer’s earnings can be set, and what makes no sense is refused', async () => {
  await write('')
  const stages = (text: string) => read({ holdBackStages: text }).holdBackStages
  expect(stages('14:5000:5000:14, 60:50000:2000:7')).toEqual(DEFAULT_HOLD_BACK.stages)
  expect(stages('none')).toEqual([])
  expect(read().holdBackStages).toEqual(DEFAULT_HOLD_BACK.stages)
  for (const text of ['', '14', '14:5000:10001:14', '14:5000:0:14', '14:5000:5000:0']) {
    expect(() => stages(text)).toThrow('hold-back-stages')
  }
  const countries = (text: string) => read({ payoutCountries: text })
  expect(countries('DE, FR').payoutCountries).toEqual(['DE', 'FR'])
  for (const text of ['XX', ' ']) expect(() => countries(text)).toThrow('payout-countries')
})
