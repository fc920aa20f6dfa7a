import { expect, test } from 'vitest'
import { startVies } from './testing/vies-double.ts'
import { isVatIdOf, normalVatId, stateOfVatId } from './vat-id.ts'
import { viesChecker } from './vies.ts'

const AT = 1_793_577_600_000

test('VIES says that a number is valid, and gives its consultation number to whoever names itself', async () => {
  await using vies = await startVies(() => ({
    body: {
      countryCode: 'FR',
      vatNumber: '12345678901',
      requestDate: '2026-11-02T00:00:00.000Z',
      valid: true,
      requestIdentifier: 'WAPIAAAAZ1',
      name: 'SARL EXEMPLE',
      address: '---',
    },
  }))
  const checker = viesChecker({ url: vies.url, requester: 'DE 123456789', now: () => AT })
  expect(await checker.check('fr 12 345678901')).toEqual({
    status: 'checked',
    check: {
      vatId: 'FR12345678901',
      valid: true,
      source: 'vies',
      at: AT,
      consultation: 'WAPIAAAAZ1',
      name: 'SARL EXEMPLE',
      address: null,
    },
  })
  expect(vies.asked).toEqual([
    {
      path: '/check-vat-number',
      body: {
        countryCode: 'FR',
        vatNumber: '12345678901',
        requesterMemberStateCode: 'DE',
        requesterNumber: '123456789',
      },
    },
  ])
})

test('a number that does not exist is an answer', async () => {
  await using vies = await startVies(() => ({ body: { valid: false, userError: 'INVALID' } }))
  const checker = viesChecker({ url: vies.url, now: () => AT })
  expect(await checker.check('DE123456789')).toMatchObject({
    status: 'checked',
    check: { valid: false, consultation: null },
  })
})

test('a register that does not answer is no answer', async () => {
  const wrapped = { actionSucceed: false, errorWrappers: [{ error: 'MS_UNAVAILABLE' }] }
  for (const [reply, reason] of [
    [{ body: wrapped }, 'MS_UNAVAILABLE'],
    [{ body: { valid: false, userError: 'MS_MAX_CONCURRENT_REQ' } }, 'MS_MAX_CONCURRENT_REQ'],
    [{ status: 500, body: {} }, 'HTTP 500'],
    [{ status: 503, body: '<html>' }, 'SyntaxError'],
  ] as const) {
    await using vies = await startVies(() => reply)
    const checker = viesChecker({ url: vies.url, now: () => AT })
    expect(await checker.check('DE123456789')).toEqual({ status: 'unavailable', reason })
  }
})

test('nobody is asked about what is no VAT id, and nobody who listens is no answer', async () => {
  await using vies = await startVies(() => ({ body: { valid: true } }))
  const checker = viesChecker({ url: vies.url, now: () => AT })
  expect(await checker.check('DE12')).toMatchObject({ check: { valid: false } })
  expect(vies.asked).toHaveLength(0)
  const nobody = viesChecker({ url: 'http://127.0.0.1:1', now: () => AT })
  expect(await nobody.check('DE123456789')).toMatchObject({ status: 'unavailable' })
})

test.each([
  ['ATU12345678', 'AT'],
  ['BE0123456789', 'BE'],
  ['BG123456789', 'BG'],
  ['CY12345678L', 'CY'],
  ['CZ12345678', 'CZ'],
  ['DE123456789', 'DE'],
  ['DK12345678', 'DK'],
  ['EE123456789', 'EE'],
  ['GR123456789', 'GR'],
  ['ESX1234567X', 'ES'],
  ['FI12345678', 'FI'],
  ['FRXX123456789', 'FR'],
  ['HR12345678901', 'HR'],
  ['HU12345678', 'HU'],
  ['IE1234567WA', 'IE'],
  ['IT12345678901', 'IT'],
  ['LT123456789', 'LT'],
  ['LU12345678', 'LU'],
  ['LV12345678901', 'LV'],
  ['MT12345678', 'MT'],
  ['NL123456789B01', 'NL'],
  ['PL1234567890', 'PL'],
  ['PT123456789', 'PT'],
  ['RO1234567890', 'RO'],
  ['SE123456789001', 'SE'],
  ['SI12345678', 'SI'],
  ['SK1234567890', 'SK'],
] as const)('%s has the form of %s', (vatId, state) => {
  expect(stateOfVatId(normalVatId(vatId))).toBe(state)
  expect(isVatIdOf(state, normalVatId(`${vatId}-`))).toBe(true)
  expect(isVatIdOf(state, `${normalVatId(vatId)}9999`)).toBe(false)
})

test('spaces, dashes and small letters are no part of a VAT id', () => {
  expect(normalVatId(' nl 1234.56789-b01')).toBe('NL123456789B01')
  expect(stateOfVatId('US123456789')).toBeUndefined()
})
