import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { publicSeries } from '../forecast/testing/public-series.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/hanse-settlement.mjs', import.meta.url))

const forecast = (...args: string[]) =>
  spawnSync(process.execPath, [PROGRAM, 'forecast', ...args], { encoding: 'utf8' })

test('a file is forecast without a service, for programs and for people', () => {
  const file = publicSeries()[0]?.file ?? ''
  const { status, stdout } = forecast('--csv', file, '--json')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    model: 'mixture',
    mape: expect.any(Number),
    mase: expect.any(Number),
    coverage80: expect.any(Number),
    days: 54,
    partialDays: 2,
    naive: { mape: expect.any(Number) },
  })
  expect(forecast('--csv', file, '--horizon', '3').stdout).toMatch(/days in the 80 % interval/u)
}, 120_000)

test('what is no such file ends with exit code 2 and says why', () => {
  const { status, stderr } = forecast('--csv', PROGRAM)
  expect({ status, ...JSON.parse(stderr) }).toMatchObject({
    status: 2,
    code: 'HANSE_SERIES_INVALID',
  })
  expect(forecast('--csv', '/nowhere').status).toBe(2)
}, 120_000)
