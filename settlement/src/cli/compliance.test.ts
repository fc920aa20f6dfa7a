import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PGliteStore } from '../db/pglite.ts'
import type { Settlement } from '../settlement.ts'
import { openTestStore } from '../testing/database-template.ts'
import { NOW, testContext } from '../testing/market.ts'
import { complianceCommands } from './compliance.ts'
import type { Errand } from './operator-call.ts'

const DAY_MS = 86_400_000

let store: PGliteStore
let folder: string
beforeAll(async () => {
  store = await openTestStore()
  folder = await mkdtemp(join(tmpdir(), 'hanse-compliance-'))
}, 180_000)
afterAll(async () => {
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

/** What a command asks for. */
async function errandOf(...argv: string[]): Promise<Errand> {
  let asked: Errand | undefined
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  complianceCommands(
    program,
    (parent, name) => parent.command(name).exitOverride(),
    (errand) => async (flags) => {
      asked = await errand(flags)
    },
  )
  await program.parseAsync(argv, { from: 'user' })
  if (asked === undefined) throw new Error('nothing was asked for')
  return asked
}

const alone = async (errand: Errand, euAudit = true) => {
  const context = { ...testContext(store), euAudit }
  return errand.onService?.({ context } as unknown as Settlement)
}

test('retention says what would go, removes it, and shows the plan, where the service runs and where it does not', async () => {
  const old = new Date(NOW - 500 * DAY_MS).toISOString()
  await store.executeSql(
    "insert into operator_action (operator, action, path, at) values ('a', 'GET /x', '/x', $1)",
    [old],
  )
  const of = (result: unknown) =>
    (result as { report: { table: string }[] }).report.find(
      ({ table }) => table === 'operator_action',
    )
  const dry = await errandOf('retention', '--dry-run')
  expect(dry).toMatchObject({
    method: 'POST',
    path: '/v1/admin/retention/runs',
    body: { dryRun: true },
  })
  expect(of(await alone(dry))).toMatchObject({ due: 1, removed: 0 })
  const real = await errandOf('retention')
  expect(real.body).toEqual({ dryRun: false })
  expect(of(await alone(real))).toMatchObject({ due: 0, removed: 1 })
  const plan = await errandOf('retention', '--plan')
  expect(plan).toMatchObject({ method: 'GET', path: '/v1/admin/retention' })
  expect(await alone(plan)).toMatchObject({ classes: expect.any(Array) })
  await expect(alone(real, false)).rejects.toMatchObject({ code: 'HANSE_NOT_FOUND' })
})

test.each(['xml', 'csv'])(
  'the report of sellers is written as %s, for its owner’s eyes',
  async (format) => {
    const out = join(folder, `report.${format}`)
    const errand = await errandOf('dac7', '--year', '2026', '--out', out)
    expect(errand).toMatchObject({ method: 'GET', path: `/v1/admin/dac7/2026/${format}` })
    const result = await alone(errand)
    expect(await errand.use?.(result)).toMatchObject({ written: out })
    expect(await readFile(out, 'utf8')).toBe((result as { content: string }).content)
    expect((await stat(out)).mode & 0o077).toBe(0)
  },
)

test.each([
  [['--year', '26', '--out', 'x.xml'], '--year'],
  [['--year', '2026', '--out', 'x.txt'], '--out'],
])('%j is refused before anybody is asked', async (flags, field) => {
  await expect(errandOf('dac7', ...flags)).rejects.toThrow(field)
})
