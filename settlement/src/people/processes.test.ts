import { randomUUID } from 'node:crypto'
import { picoEuro } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore, type SettlementStore } from '../db/store.ts'
import { startPostgres } from '../db/testing/embedded-postgres.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { NOW } from '../testing/market.ts'
import { newToken } from './session-token.ts'
import { accountAttempts, placeAttempts } from './sign-in-limits.ts'
import { trialClaim } from './trial.ts'

/** Several processes on one PostgreSQL. */
const PROCESSES = 3
const AT_ONCE = Array.from({ length: 9 }, (_, i) => i)

const kept = new AsyncDisposableStack()
const stores: SettlementStore[] = []
const store = (turn = 0): SettlementStore => {
  const found = stores[turn % PROCESSES]
  if (found === undefined) throw new Error('no store')
  return found
}

beforeAll(async () => {
  const server = kept.use(await startPostgres())
  const databaseUrl = await server.createDatabase()
  for (let i = 0; i < PROCESSES; i++) stores.push(kept.use(await openStore({ databaseUrl })))
}, 180_000)
afterAll(() => kept.disposeAsync())

const inAll = <Result>(work: (it: SettlementStore, turn: number) => Promise<Result>) =>
  Promise.all(AT_ONCE.map((turn) => work(store(turn), turn)))
const trues = (results: readonly boolean[]) => results.filter(Boolean).length

/** Somebody whose address is proven. */
async function person(email: string): Promise<string> {
  const id = `per_${randomUUID()}`
  const { hash } = newToken()
  const link = { hash, at: NOW, expiresAt: NOW + 1000 }
  await store().signUp({ id, email, name: '', passwordHash: 'x', link })
  await store().verifyEmail(hash, NOW)
  return id
}

test('attempts at one account are counted together, whichever process is asked', async () => {
  const attempts = [accountAttempts('counted@example.org'), placeAttempts('192.0.2.1')]
  const waits = await inAll((it) => it.takeSignInAttempt(attempts, NOW))
  expect(waits.sort((a, b) => a - b)).toEqual([0, 0, 0, 0, 0, 1000, 1000, 1000, 1000])
})

test('what works once works once, of many that try at the same time', async () => {
  const id = await person('once@example.org')
  const { hash } = newToken()
  const link = { hash, at: NOW, expiresAt: NOW + 1000 }
  await store().addPersonLink(id, 'reset', 'once@example.org', link)
  expect(trues(await inAll((it) => it.resetPassword(hash, 'y', NOW)))).toBe(1)
  await store().beginTotp(id, new Uint8Array(60), NOW)
  const codes = [newToken().hash, newToken().hash]
  expect(trues(await inAll((it) => it.confirmTotp(id, 7, codes, NOW)))).toBe(1)
  expect(trues(await inAll((it) => it.useTotpStep(id, 8)))).toBe(1)
  expect(trues(await inAll((it) => it.useTotpStep(id, 7)))).toBe(0)
  const [code = hash] = codes
  expect(trues(await inAll((it) => it.useRecoveryCode(id, code, NOW)))).toBe(1)
  await store().addChallenge('asked', null, NOW, NOW + 1000)
  expect(trues(await inAll((it) => it.takeChallenge('asked', null, NOW)))).toBe(1)
})

test('sign-ups of one address at once leave one person, with the password of one link', async () => {
  const links = AT_ONCE.map(() => newToken().hash)
  await inAll((it, turn) =>
    it.signUp({
      id: `per_${turn}`,
      email: 'many@example.org',
      name: '',
      passwordHash: `password ${turn}`,
      link: { hash: links[turn] ?? new Uint8Array(32), at: NOW, expiresAt: NOW + 1000 },
    }),
  )
  const found = await Promise.all(links.map((hash) => store().personByLink(hash, 'verify', NOW)))
  const turn = found.findIndex((it) => it !== undefined)
  expect(found.filter((it) => it !== undefined)).toHaveLength(1)
  expect(found[turn]?.passwordHash).toBe(`password ${turn}`)
})

test('who founds many organizations at once has one trial, and a domain has three', async () => {
  const amount = picoEuro(1_000_000n)
  const found = (it: SettlementStore, owner: string, email: string) => {
    const { prefix, hash } = createApiKey()
    return it.foundOrganization({
      organization: `org_${randomUUID()}`,
      name: 'Many',
      person: owner,
      key: { prefix, hash: Uint8Array.from(hash), scopes: ['read'] },
      trial: { ...trialClaim(email), amount },
      at: NOW,
    })
  }
  const one = await person('one@single.example')
  const credits = await inAll((it) => found(it, one, 'one@single.example'))
  expect(credits.filter((credit) => credit > 0n)).toEqual([amount])
  const emails = AT_ONCE.map((turn) => `${turn}@crowd.example`)
  const owners = await Promise.all(emails.map(person))
  const crowd = await inAll((it, turn) => found(it, owners[turn] ?? '', emails[turn] ?? ''))
  expect(crowd.filter((credit) => credit > 0n)).toEqual([amount, amount, amount])
  expect((await store().ledgerCheck()).differences).toEqual([])
})
