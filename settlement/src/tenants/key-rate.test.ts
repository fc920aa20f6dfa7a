import { afterAll, beforeAll, expect, test } from 'vitest'
import { addKeyOf, addOrganization } from '../access/testing/people.ts'
import { createApp } from '../api/app.ts'
import { openStore } from '../db/store.ts'
import { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
import { openIngest } from '../ingest/ingest-service.ts'
import { testContext } from '../testing/market.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
}, 120_000)
afterAll(() => postgres[Symbol.asyncDispose]())

async function openApp(databaseUrl: string) {
  await using stack = new AsyncDisposableStack()
  const context = testContext(stack.use(await openStore({ databaseUrl })))
  const ingest = stack.use(openIngest({ context, verifyThreads: 0 }))
  const app = await createApp(context, { operatorToken: 'root', ingest })
  stack.defer(() => app.close())
  const opened = stack.move()
  return { app, context, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

test('of many requests at once to two processes as many pass as the key may make, and no more', async () => {
  const url = await postgres.createDatabase()
  await using one = await openApp(url)
  await using two = await openApp(url)
  const { organization } = await addOrganization(one.context)
  const { headers } = await addKeyOf(one.context, organization, { requestsPerMinute: 50 })
  const burst = async () => {
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, i) =>
        (i % 2 === 0 ? one : two).app.inject({ url: '/v1/balance', headers }),
      ),
    )
    return answers.map(({ statusCode }) => statusCode)
  }
  const count = (statuses: number[], status: number) =>
    statuses.filter((it) => it === status).length
  const first = await burst()
  expect([count(first, 200), count(first, 429)]).toEqual([50, 70])
  // A process whose clock is behind opens no second minute.
  one.context.clock.now += 60_000
  const second = await burst()
  expect([count(second, 200), count(second, 429)]).toEqual([50, 70])
}, 60_000)
