import { browseKey } from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import { Random } from '../kernel/random.ts'
import { ATTACK, runAttack } from './attacks.ts'
import { CHURN, runChurn } from './churn.ts'
import { HOT_KEY, runHotKey } from './hot-keys.ts'
import { distanceTo, nearest, placeOfKey, randomIds } from './ids.ts'
import { runLearned } from './learned.ts'
import { randomPlace } from './random-place.ts'
import { Records } from './records.ts'
import { renderDht } from './report.ts'
import { DHT, runDht } from './run-dht.ts'
import { runScale } from './scale.ts'
import { Tables } from './tables.ts'
import { TimeHeap } from './time-heap.ts'
import { buildWorld } from './world.ts'

const SMALL = { bucketSize: 8, prefixLength: 3, alpha: 3, paths: 3 }
const CALIBRATION = { date: '2026-11-22', machine: 'none', production: [], small: [] }

describe('a model that can be believed', () => {
  test('the same seed gives the same report, byte for byte, and another seed another', () => {
    const plan = { ...DHT, peersMax: 100, peers: 200, hours: 0.5, defences: ['as it is'] }
    const report = (seed: string) =>
      renderDht(
        runDht({ ...plan, seed }, () => {}),
        CALIBRATION,
        'header',
      )
    expect(report('a')).toBe(report('a'))
    expect(report('b')).not.toBe(report('a'))
  }, 60_000)

  test('the nearest peers by runs of a prefix are those that sorting all of them gives', () => {
    const random = new Random('nearest')
    const ids = randomIds(random, 500)
    for (let i = 0; i < 50; i++) {
      const place = randomPlace(random)
      const counts = (peer: number) => peer % 3 !== 0
      const sorted = Array.from({ length: 500 }, (_, peer) => peer)
        .filter(counts)
        .sort((a, b) => distanceTo(ids, a, place) - distanceTo(ids, b, place))
      expect(nearest(ids, place, 20, counts)).toEqual(sorted.slice(0, 20))
    }
  })

  test.each(['trie', 'self-centred'] as const)(
    'a table answers with its nearest contacts: %s',
    (shape) => {
      const world = buildWorld({ seed: shape, peers: 2_000, rules: { shape } })
      const random = new Random(shape)
      const into = new Uint32Array(20)
      for (let i = 0; i < 100; i++) {
        const owner = random.between(0, 1_999)
        const place = randomPlace(random)
        const contacts: number[] = []
        world.tables.count(owner, (peer) => contacts.push(peer) > 0)
        const count = world.tables.closest(owner, place, into)
        const by = (a: number, b: number) =>
          distanceTo(world.ids, a, place) - distanceTo(world.ids, b, place)
        expect([...into.subarray(0, count)].sort(by)).toEqual(contacts.sort(by).slice(0, 20))
      }
    },
  )

  test('a full bucket takes a newcomer only for one of its oldest that has gone', () => {
    const ids = randomIds(new Random('bucket'), 100)
    const tables = new Tables(
      ids,
      { ...buildRules(), bucketSize: 4, prefixLength: 0 },
      { timed: true },
    )
    const gone = new Set<number>()
    const isOnline = (peer: number) => !gone.has(peer)
    for (const peer of [1, 2, 3, 4, 5]) tables.add(0, peer, 0, isOnline)
    const contacts = () => {
      const all: number[] = []
      tables.count(0, (peer) => all.push(peer) > 0)
      return all
    }
    expect(contacts()).toEqual([1, 2, 3, 4])
    gone.add(4).add(2)
    tables.add(0, 6, 1_000, isOnline)
    expect(contacts()).toEqual([1, 2, 3, 4])
    tables.add(0, 6, 700_000, isOnline)
    expect(contacts()).toEqual([1, 3, 4, 6])
  })

  test('a record is there until the first sweep after its validity, and goes with its holder', () => {
    const since = new Float64Array([0, 0])
    const records = new Records({ validity: 30, interval: 20, threshold: 5 }, since)
    records.store(0, 7, 15)
    expect(records.at(0, 59)).toEqual([7])
    expect(records.at(0, 60)).toEqual([])
    records.store(1, 8, 15)
    since[1] = 16
    expect(records.at(1, 17)).toEqual([])
  })

  test('events come by time, and those of one time in the order in which they were made', () => {
    const heap = new TimeHeap()
    const random = new Random('heap')
    const events = Array.from({ length: 1_000 }, (_, i) => ({ at: random.between(0, 50), i }))
    for (const { at, i } of events) heap.push(at, i)
    const got = Array.from({ length: 1_000 }, () => heap.pop())
    expect(got).toEqual(events.sort((a, b) => a.at - b.at || a.i - b.i).map(({ i }) => i))
    expect(heap.pop()).toBe(-1)
  })

  test('all keys have a place of their own', () => {
    const places = ['EU', 'EEA', '*', 'DE'].map((region) => placeOfKey(browseKey(region)).high)
    expect(new Set(places).size).toBe(4)
  })
})

describe('tables that are drawn stand for tables that are learned', () => {
  test('where everybody fits into a table, both are the same', () => {
    const learned = runLearned({
      seed: 'fits',
      peers: 120,
      rules: {},
      rounds: 4,
      further: 4,
      lookups: 60,
    })
    const drawn = runScale({ seed: 'fits', peers: 120, lookups: 60 })
    expect(learned.contacts).toBeGreaterThan(0.95 * drawn.contacts)
    expect(Math.abs(learned.askedMean - drawn.askedMean)).toBeLessThan(1)
    expect(learned.nearestFound).toBe(1)
    expect(drawn.nearestFound).toBe(1)
  })

  test('where they do not, look-ups succeed in both and as many contacts are gone; but drawn ones find more of the nearest', () => {
    const plan = {
      ...CHURN,
      seed: 'compare',
      peers: 400,
      hours: 3,
      warmUpHours: 1.5,
      keys: 5,
      providersPerKey: 4,
      rules: SMALL,
    }
    const drawn = runChurn(plan)
    const learned = runChurn({ ...plan, learned: true })
    expect(Math.min(drawn.success, learned.success)).toBeGreaterThan(0.95)
    expect(Math.abs(drawn.contacts - learned.contacts)).toBeLessThan(5)
    expect(Math.abs(drawn.staleContacts - learned.staleContacts)).toBeLessThan(0.08)
    // Everybody learns the same well-known ones: what the drawn model does not show, and the report says.
    expect(learned.nearestFound).toBeLessThan(drawn.nearestFound)
  }, 60_000)
})

describe('a broken rule shows', () => {
  const plan = { ...CHURN, seed: 'rules', peers: 600, hours: 4, warmUpHours: 2, keys: 6 }

  test('providers that do not tell their records again are found no more', () => {
    const kept = runChurn(plan)
    const broken = runChurn({ ...plan, renewMs: undefined })
    expect(kept.success).toBeGreaterThan(0.99)
    expect(broken.recall).toBeLessThan(kept.recall / 2)
  })

  test('records that live for two days list the dead', () => {
    const kept = runChurn(plan)
    const records = { validity: 48 * 3_600_000, interval: 3_600_000, threshold: 24 * 3_600_000 }
    const broken = runChurn({ ...plan, records })
    expect(broken.staleListed).toBeGreaterThan(kept.staleListed * 2)
  })

  test('tables that nobody looks after fill with those that have gone', () => {
    const rules = SMALL
    const kept = runChurn({ ...plan, rules })
    const broken = runChurn({ ...plan, rules, maintains: false })
    expect(broken.staleContacts).toBeGreaterThan(kept.staleContacts * 1.3)
  })

  test('without the lot all consumers see the same few, and with it everybody is seen', () => {
    const hot = { ...HOT_KEY, seed: 'hot', peers: 2_000, consumers: 100, shards: 1 }
    const drawn = runHotKey(hot)
    const first = runHotKey({ ...hot, lot: false })
    expect(first.seenByMost).toBe(1)
    // Peers that hold but a few records name those to everybody.
    expect(drawn.seenByMost).toBeLessThan(0.8)
    expect(drawn.providersSeen).toBeGreaterThan(0.95)
    expect(first.providersSeen).toBeLessThan(drawn.providersSeen / 3)
  })

  test('without shards one holder has every record of the region', () => {
    const hot = { ...HOT_KEY, seed: 'hot', peers: 2_000, consumers: 100 }
    const one = runHotKey({ ...hot, shards: 1 })
    const many = runHotKey({ ...hot, shards: 16 })
    expect(one.recordsMost).toBeGreaterThan(many.recordsMost * 5)
    expect(one.requestsPerSecondMost).toBeGreaterThan(many.requestsPerSecondMost * 3)
  })

  test('twenty peers next to a key take it from the market, unless its records are spread', () => {
    const attack = { ...ATTACK, seed: 'eclipse', peers: 2_000, tries: 50 }
    expect(runAttack(attack).success).toBe(1)
    const eclipsed = { ...attack, sybils: 20 }
    expect(runAttack(eclipsed).success).toBeLessThan(0.1)
    expect(runAttack({ ...eclipsed, defence: { wide: true } }).success).toBeGreaterThan(0.9)
    expect(runAttack({ ...eclipsed, defence: { keys: 4 } }).success).toBeGreaterThan(0.9)
  })

  test('liars that name sixty-four others crowd out the truth where answers are not capped', () => {
    const attack = { ...ATTACK, seed: 'flood', peers: 2_000, tries: 50, crowd: 0.3 }
    const capped = runAttack({ ...attack, lie: 'flood' })
    const open = runAttack({ ...attack, lie: 'flood', defence: { uncapped: true } })
    expect(open.success).toBeLessThan(0.75)
    expect(capped.success).toBeGreaterThan(open.success + 0.2)
  })
})

function buildRules() {
  return buildWorld({ seed: 'rules', peers: 100 }).rules
}
