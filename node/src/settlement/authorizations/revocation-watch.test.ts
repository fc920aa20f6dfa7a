import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  HanseError,
  REVOCATIONS_MAX,
  type RevocationList,
  revocationList,
  signRecord,
} from '@hanse/protocol'
import { NOW, settlement } from '@hanse/protocol/testing'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NodeStore } from '../../store/node-store.ts'
import { pollDelay, RevocationWatch } from './revocation-watch.ts'

const context = { network: 'test' }
const MINUTE = 60_000

let folder: string
let store: NodeStore
let revoked: bigint[]
let away: boolean
let forged: Partial<RevocationList>
let asked: bigint[]
let now: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-revocations-'))
  store = new NodeStore(join(folder, 'node.db'))
  revoked = []
  away = false
  forged = {}
  asked = []
  now = NOW
})
afterEach(async () => {
  store[Symbol.dispose]()
  await rm(folder, { recursive: true, force: true })
})

/** The n-th revocation has the number n; as settlement does, at most 800 in one list. */
function watch(issuer: string | undefined = settlement.peerId): RevocationWatch {
  return new RevocationWatch({
    context,
    store: store.ends,
    issuer: () => issuer,
    log: pino({ level: 'silent' }),
    now: () => now,
    random: () => 0.5,
    settlement: {
      revokedSince: async (since) => {
        asked.push(since)
        if (away) throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', 'nobody answers')
        const serials = revoked.slice(Number(since), Number(since) + REVOCATIONS_MAX)
        const value = {
          issuer: settlement.peerId,
          since,
          until: since + BigInt(serials.length),
          at: now,
          serials,
          ...forged,
        }
        const list = signRecord(context, revocationList, value, 'settlement', settlement)
        return { list, more: serials.length === REVOCATIONS_MAX }
      },
    },
  })
}

const isRevoked = (serial: bigint) => store.ends.isRevoked(settlement.peerId, serial)

describe('a provider', () => {
  test('knows what is revoked, and asks only for what is new', async () => {
    await using watching = watch()
    revoked = [11n]
    await watching.poll()
    revoked = [11n, 12n]
    await watching.poll()
    expect([isRevoked(11n), isRevoked(12n), isRevoked(13n)]).toEqual([true, true, false])
    expect(asked).toEqual([0n, 1n])
    expect(watching.status()).toEqual({ known: 2, at: NOW, fault: '' })
  })

  test('reads on while there are more than fit into one list', async () => {
    await using watching = watch()
    revoked = Array.from({ length: 2 * REVOCATIONS_MAX + 1 }, (_, i) => BigInt(i))
    await watching.poll()
    expect(asked).toEqual([0n, 800n, 1600n])
    expect(watching.status().known).toBe(1601)
  })

  test('keeps the last list over a restart, and while settlement is away, and says so', async () => {
    revoked = [11n]
    {
      await using watching = watch()
      await watching.poll()
    }
    store[Symbol.dispose]()
    store = new NodeStore(join(folder, 'node.db'))
    away = true
    now += 40 * MINUTE
    await using watching = watch()
    await watching.poll()
    expect(isRevoked(11n)).toBe(true)
    expect(watching.status()).toEqual({ known: 1, at: NOW, fault: 'nobody answers' })
    away = false
    await watching.poll()
    expect(watching.status()).toEqual({ known: 1, at: now, fault: '' })
    expect(asked).toEqual([0n, 1n, 1n])
  })

  test('takes nothing from a list that does not go on where the last one ended', async () => {
    await using watching = watch()
    forged = { since: 0n, until: 9n, serials: [99n] }
    await watching.poll()
    forged = { since: 4n, until: 12n, serials: [98n] }
    await watching.poll()
    expect([isRevoked(99n), isRevoked(98n)]).toEqual([true, false])
    expect(watching.status()).toMatchObject({
      known: 1,
      fault: expect.stringContaining('begins after 4'),
    })
  })

  test('forgets revocations of authorizations that have ended long ago', async () => {
    await using watching = watch()
    revoked = [11n]
    await watching.poll()
    now += 91 * 86_400_000
    await watching.poll()
    expect(watching.status()).toEqual({ known: 0, at: now, fault: '' })
  })
})

test('a settlement that is away is asked less and less often, and never at the same time by all', () => {
  const middle = [0, 1, 2, 3, 4, 5, 6, 99].map((failures) => pollDelay(failures, 0.5) / MINUTE)
  expect(middle).toEqual([1, 1, 2, 4, 8, 15, 15, 15])
  expect([pollDelay(0, 0), pollDelay(0, 0.999_999)]).toEqual([54_000, 66_000])
})
