import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PGliteStore } from '../db/pglite.ts'
import { openTestStore } from '../testing/database-template.ts'
import { testContext } from '../testing/market.ts'
import { PEOPLE_JOBS } from './jobs.ts'
import { ABSOLUTE_MS, newToken } from './session-token.ts'
import { accountAttempts, FORGET_MS } from './sign-in-limits.ts'

let store: PGliteStore
beforeAll(async () => {
  store = await openTestStore()
}, 180_000)
afterAll(() => store.close())

test('sessions are forgotten a month after their end, and attempts once they count no more', async () => {
  const context = testContext(store)
  const start = context.clock.now
  const link = { hash: newToken().hash, at: start, expiresAt: start + 1 }
  const person = 'per_1'
  await store.signUp({ id: person, email: 'a@b.example', name: '', passwordHash: 'x', link })
  const { hash } = newToken()
  const session = { person, hash, authenticatedAt: start, userAgent: null }
  await store.addPersonSession({
    ...session,
    id: 'ses_1',
    at: start,
    expiresAt: start + ABSOLUTE_MS,
    factors: ['password'],
  })
  const attempts = [accountAttempts('a@b.example')]
  for (let i = 0; i < 5; i++) expect(await store.takeSignInAttempt(attempts, start)).toBe(0)
  expect(await store.takeSignInAttempt(attempts, start)).toBe(1_000)

  const [job] = PEOPLE_JOBS
  const run = () => job?.work(context, new AbortController().signal)
  expect(await run()).toEqual({ sessions: 0, attempts: 0 })
  context.clock.now = start + FORGET_MS + 1
  expect(await run()).toEqual({ sessions: 0, attempts: 1 })
  context.clock.now = start + ABSOLUTE_MS + 30 * 86_400_000
  expect(await store.personSessionByHash(hash)).toMatchObject({ id: 'ses_1' })
  context.clock.now++
  expect(await run()).toEqual({ sessions: 1, attempts: 0 })
  expect(await store.personSessionByHash(hash)).toBeUndefined()
})
