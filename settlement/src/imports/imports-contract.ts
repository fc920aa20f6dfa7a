import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SettlementContext } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { addTenant, NOW, testContext } from '../testing/market.ts'
import { type ImportResult, importUpload, type Upload } from './import-upload.ts'
import { rateNothing } from './rate-port.ts'
import { spendRows } from './spend.ts'
import { SPEND_GROUPS, type SpendGroup } from './spend-query.ts'

const HOUR_MS = 3_600_000
const FROM = NOW - 72 * HOUR_MS
const TO = NOW + 24 * HOUR_MS

/** What every store keeps of usage of elsewhere. `open` gives the same database, perhaps on another connection. */
export function importsContract(name: string, open: () => Promise<SettlementStore>): void {
  const newOrganization = async () => (await addTenant(testContext(await open()), 0n)).organization

  describe(`${name}: imports`, () => {
    test('any split of a file into uploads, in any order and repeated, gives the same sums', async () => {
      const row = fc.record({
        hour: fc.nat(60),
        model: fc.constantFrom('one', 'two'),
        provider: fc.constantFrom('openai', 'mistral'),
        input: fc.nat(5000),
        cached: fc.nat(100),
        output: fc.nat(900),
        cost: fc.option(fc.nat(99_999), { nil: undefined }),
        team: fc.constantFrom('', 'red', 'blue'),
      })
      const plan = fc.record({
        rows: fc.array(row, { minLength: 1, maxLength: 25 }),
        uploads: fc.array(fc.array(fc.nat(24), { minLength: 1, maxLength: 20 }), { maxLength: 6 }),
      })
      await fc.assert(
        fc.asyncProperty(plan, async ({ rows, uploads }) => {
          const lines = rows.map((one, i) => lineOf(`r${i}`, one))
          const organization = await newOrganization()
          // Whatever came before, the last upload has all.
          const parts = uploads.map((places) =>
            places.flatMap((i) => lines[i % lines.length] ?? []),
          )
          let accepted = 0
          for (const part of [...parts, lines]) {
            const result = await upload(await open(), { organization, body: part })
            expect(result).toMatchObject({ rejectedCount: 0, stopped: null })
            expect(result.accepted + result.duplicates).toBe(part.length)
            accepted += result.accepted
          }
          expect(accepted).toBe(rows.length)
          const once = await newOrganization()
          await upload(await open(), { organization: once, body: lines })
          for (const group of SPEND_GROUPS) {
            const [split, whole] = [organization, once].map((whose) => spend(open, whose, group))
            expect(await split).toEqual(await whole)
          }
          const total = rows.reduce((sum, { cost }) => sum + BigInt(cost ?? 0), 0n)
          const days = await spend(open, organization, 'day')
          const sum = days
            .flatMap(({ costs }) => costs)
            .reduce((all, { amount }) => all + BigInt(Math.round(Number(amount) * 1e9)), 0n)
          expect(sum).toBe(total * 1_000n)
          const requests = days.reduce((all, day) => all + day.requests, 0n)
          expect(requests).toBe(BigInt(rows.length))
        }),
        { numRuns: 6 },
      )
    })

    test('processes that import one file at once count each record once, and none waits for ever', async () => {
      const organization = await newOrganization()
      const lines = Array.from({ length: 400 }, (_, i) =>
        lineOf(`x${i}`, {
          hour: i % 50,
          model: `m${i % 7}`,
          provider: 'openai',
          input: i,
          cached: 0,
          output: 1,
          cost: i,
          team: i % 2 === 0 ? 'red' : '',
        }),
      )
      const orders = [lines, lines.toReversed(), [...lines.slice(200), ...lines.slice(0, 200)]]
      const results = await Promise.all(
        orders.map(async (body) => upload(await open(), { organization, body })),
      )
      expect(results.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(400)
      expect(results.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(800)
      const [total] = await spend(open, organization, 'provider')
      expect(total).toMatchObject({
        key: 'openai',
        requests: 400n,
        inputTokens: 79_800n,
        costs: [{ currency: 'USD', basis: 'reported', amount: '0.0798' }],
      })
      const tags = await spend(open, organization, 'tag')
      expect(tags.map(({ key, requests }) => [key, requests])).toEqual([
        ['', 200n],
        ['team:red', 200n],
      ])
      const hours = await spend(open, organization, 'hour')
      expect(hours.reduce((sum, { inputTokens }) => sum + inputTokens, 0n)).toBe(79_800n)
    })

    test('an id that comes with something else is told, and what is stored stays', async () => {
      const organization = await newOrganization()
      const usage = {
        hour: 1,
        model: 'one',
        provider: 'openai',
        input: 5,
        cached: 0,
        output: 1,
        cost: 3,
        team: '',
      }
      const body = [lineOf('a', usage), lineOf('a', { ...usage, input: 6 }), lineOf('a', usage)]
      const dry = await upload(await open(), { organization, body, isDryRun: true })
      expect(await spend(open, organization, 'day')).toEqual([])
      const result = await upload(await open(), { organization, body })
      expect(result).toEqual(dry)
      expect(result).toMatchObject({
        accepted: 1,
        duplicates: 1,
        rejected: [{ line: 3, code: 'HANSE_IMPORT_CONFLICT' }],
      })
      const again = await upload(await open(), {
        organization,
        body: [lineOf('a', { ...usage, cost: 4 })],
      })
      expect(again).toMatchObject({ accepted: 0, rejectedCount: 1 })
      expect(await spend(open, organization, 'model')).toMatchObject([
        { key: 'one', inputTokens: 5n, costs: [{ amount: '0.000003' }] },
      ])
    })

    test('what has no cost is unrated, never 0, until a price table has it', async () => {
      const organization = await newOrganization()
      const usage = {
        hour: 2,
        provider: 'mistral',
        input: 1000,
        cached: 10,
        output: 7,
        cost: undefined,
        team: '',
      }
      await upload(await open(), {
        organization,
        body: [
          lineOf('a', { ...usage, model: 'known' }),
          lineOf('b', { ...usage, model: 'unknown' }),
        ],
      })
      const cells = await (await open()).spendCells(query(organization, 'provider'))
      const rated = spendRows(cells, ({ model, inputTokens, at }) =>
        model === 'known' && at >= FROM
          ? { amount: `0.${inputTokens}`, currency: 'EUR' }
          : undefined,
      )
      expect(rated).toMatchObject([
        {
          requests: 2n,
          costs: [{ currency: 'EUR', basis: 'rated', amount: '0.101' }],
          unrated: {
            requests: 1n,
            inputTokens: 1010n,
            outputTokens: 7n,
            models: ['mistral/unknown'],
          },
        },
      ])
    })

    test('one source and one organization never meet another, and pages follow each other', async () => {
      const [first, second] = [await newOrganization(), await newOrganization()]
      const usage = {
        hour: 3,
        provider: 'openai',
        input: 1,
        cached: 0,
        output: 0,
        cost: 1,
        team: '',
      }
      const body = ['m1', 'm2', 'm3'].map((model) => lineOf(model, { ...usage, model }))
      await upload(await open(), { organization: first, body })
      await upload(await open(), { organization: first, body, source: 'other' })
      expect(await spend(open, second, 'model')).toEqual([])
      expect(await spend(open, first, 'source')).toMatchObject([
        { key: 'csv', requests: 3n },
        { key: 'other', requests: 3n },
      ])
      const page = await (await open()).spendCells({ ...query(first, 'model'), limit: 2 })
      expect(new Set(page.map(({ key }) => key))).toEqual(new Set(['m1', 'm2']))
      const rest = await (await open()).spendCells({
        ...query(first, 'model'),
        after: 'm2',
        limit: 2,
      })
      expect(rest.map(({ key, requests }) => [key, requests])).toEqual([['m3', 2n]])
      const own = await (await open()).spendCells({ ...query(first, 'model'), source: 'other' })
      expect(own.map(({ requests }) => requests)).toEqual([1n, 1n, 1n])
    })

    test('hours with nothing between them are pages without gaps, each hour with all that is in it', async () => {
      const organization = await newOrganization()
      const usage = { model: 'm', provider: 'openai', input: 1, cached: 0, output: 0, team: '' }
      // Of each hour some with a cost and some without, in two sources.
      const hours = [0, 1, 7, 8, 30, 31, 70]
      const body = hours.flatMap((hour) =>
        [1, undefined].map((cost) => lineOf(`${hour}/${cost}`, { ...usage, hour, cost })),
      )
      await upload(await open(), { organization, body })
      await upload(await open(), { organization, body: body.slice(0, 6), source: 'other' })
      const all = await spend(open, organization, 'hour')
      expect(all.map(({ requests }) => requests)).toEqual([4n, 4n, 4n, 2n, 2n, 2n, 2n])
      const paged: typeof all = []
      for (;;) {
        const after = paged.at(-1)?.key
        const cells = await (await open()).spendCells({
          ...query(organization, 'hour'),
          limit: 2,
          ...(after !== undefined && { after }),
        })
        const page = spendRows(cells, rateNothing)
        paged.push(...page)
        if (page.length < 2) break
      }
      expect(paged).toEqual(all)
      const other = { ...query(organization, 'hour'), source: 'other', limit: 2 }
      const keys = (cells: { key: string }[]) => [...new Set(cells.map(({ key }) => key))]
      expect(keys(await (await open()).spendCells(other))).toEqual(
        all.slice(0, 2).map(({ key }) => key),
      )
      const beyond = { ...other, after: all[2]?.key ?? '' }
      expect(await (await open()).spendCells(beyond)).toEqual([])
    })
  })
}

interface Line {
  readonly hour: number
  readonly model: string
  readonly provider: string
  readonly input: number
  readonly cached: number
  readonly output: number
  /** Millionths of a dollar. */
  readonly cost: number | undefined
  readonly team: string
}

const HEADER = 'id,at,provider,model,input,cached,output,cost,team'
const MAPPING = {
  id: 'id',
  at: 'at',
  provider: 'provider',
  model: 'model',
  inputTokens: 'input',
  cachedInputTokens: 'cached',
  outputTokens: 'output',
  cost: 'cost',
  currency: '=USD',
  'tag.team': 'team',
}

function lineOf(
  id: string,
  { hour, model, provider, input, cached, output, cost, team }: Line,
): string {
  const at = new Date(FROM + hour * HOUR_MS + 61_000).toISOString()
  const price = cost === undefined ? '' : (cost / 1e6).toFixed(6)
  return [id, at, provider, model, input + cached, cached, output, price, team].join(',')
}

function upload(
  store: SettlementStore,
  given: Pick<Upload, 'organization'> & { body: string[]; source?: string; isDryRun?: boolean },
): Promise<ImportResult> {
  const context: SettlementContext = testContext(store)
  const text = [HEADER, ...given.body].join('\n')
  return importUpload(context, {
    organization: given.organization,
    source: given.source ?? 'csv',
    format: 'csv',
    mapping: MAPPING,
    body: piecesOf(Buffer.from(text)),
    isDryRun: given.isDryRun ?? false,
  })
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 1000) yield bytes.subarray(at, at + 1000)
}

const query = (organization: string, group: SpendGroup) => ({
  organization,
  from: FROM,
  to: TO,
  group,
  limit: 500,
})

async function spend(
  open: () => Promise<SettlementStore>,
  organization: string,
  group: SpendGroup,
) {
  const cells = await (await open()).spendCells(query(organization, group))
  return spendRows(cells, rateNothing)
}
