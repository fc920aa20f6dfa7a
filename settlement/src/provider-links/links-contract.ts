import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { addPerson, type TestPerson } from '../access/testing/people.ts'
import type { SettlementStore } from '../db/store.ts'
import { newSigner } from '../testing/deals.ts'
import { addProvider, NOW, testContext } from '../testing/market.ts'
import { type NewLinkCode, newLinkCode } from './link-code.ts'
import { NODES_PER_PERSON_MAX, OWNERS_PER_NODE_MAX } from './link-store.ts'

const MINUTE_MS = 60_000

/** What every store keeps of who looks after which node. `open` gives the same database, perhaps on another connection. */
export function linksContract(name: string, open: () => Promise<SettlementStore>): void {
  const codeOf = async ({ id }: TestPerson): Promise<NewLinkCode> => {
    const made = newLinkCode()
    const store = await open()
    await store.putLinkCode({ person: id, hash: made.hash, expiresAt: NOW + MINUTE_MS })
    return made
  }
  const link = async (peerId: string, { hash }: NewLinkCode, email: string, at = NOW) =>
    (await open()).linkNode({ hash, email, peerId, at })
  const somebody = async () => addPerson(testContext(await open()))

  describe(`${name}: links of nodes`, () => {
    test('of many who use one code at once, one node is linked', async () => {
      const ada = await somebody()
      const code = await codeOf(ada)
      const nodes = Array.from({ length: 6 }, () => newSigner().peerId)
      const outcomes = await Promise.all(nodes.map((node) => link(node, code, ada.email)))
      expect(outcomes.filter(({ outcome }) => outcome === 'linked')).toHaveLength(1)
      expect(outcomes.filter(({ outcome }) => outcome === 'unknown')).toHaveLength(5)
      expect(await (await open()).nodesOf(ada.id)).toHaveLength(1)
    })

    test('a code is of one person, until its time is over or there is a newer one', async () => {
      const [ada, eve] = [await somebody(), await somebody()]
      const { peerId } = newSigner()
      const first = await codeOf(ada)
      const second = await codeOf(ada)
      expect(await link(peerId, first, ada.email)).toEqual({ outcome: 'unknown' })
      expect(await link(peerId, second, eve.email)).toEqual({ outcome: 'unknown' })
      expect(await link(peerId, second, ada.email, NOW + MINUTE_MS)).toEqual({ outcome: 'unknown' })
      expect(await link(peerId, second, ada.email, NOW + MINUTE_MS - 1)).toEqual({
        outcome: 'linked',
        person: ada.id,
        isNew: true,
      })
      expect(await link(peerId, second, ada.email)).toEqual({ outcome: 'unknown' })
    })

    test('who is disabled cannot be let in', async () => {
      const ada = await somebody()
      const code = await codeOf(ada)
      const store = await open()
      await store.executeSql('update person set disabled_at = now() where id = $1', [ada.id])
      expect(await link(newSigner().peerId, code, ada.email)).toEqual({ outcome: 'unknown' })
    })

    test('linking twice is linking once, and either side lets go at once', async () => {
      const [ada, bob] = [await somebody(), await somebody()]
      const store = await open()
      const context = testContext(store)
      const { peerId } = await addProvider(context)
      for (const isNew of [true, false]) {
        expect(await link(peerId, await codeOf(ada), ada.email)).toMatchObject({ isNew })
      }
      await link(peerId, await codeOf(bob), bob.email, NOW + 1)
      expect((await store.nodeOwners(peerId)).map(({ email }) => email)).toEqual([
        ada.email,
        bob.email,
      ])
      expect(await store.nodesOf(ada.id)).toEqual([
        { peerId, linkedAt: NOW, country: 'DE', payable: true, lastPaidAt: null },
      ])
      expect(await store.unlinkNode(ada.id, peerId)).toBe(true)
      expect(await store.unlinkNode(ada.id, peerId)).toBe(false)
      expect(await store.isNodeOwner(ada.id, peerId)).toBe(false)
      expect(await store.isNodeOwner(bob.id, peerId)).toBe(true)
    })

    test('a node has so many people and a person so many nodes, however many ask at once', async () => {
      const people = await Promise.all(Array.from({ length: OWNERS_PER_NODE_MAX + 3 }, somebody))
      const { peerId } = newSigner()
      const codes = await Promise.all(people.map(codeOf))
      const outcomes = await Promise.all(
        people.map(({ email }, at) => link(peerId, codes[at] ?? newLinkCode(), email)),
      )
      expect(outcomes.filter(({ outcome }) => outcome === 'linked')).toHaveLength(
        OWNERS_PER_NODE_MAX,
      )
      expect(outcomes.filter(({ outcome }) => outcome === 'too-many')).toHaveLength(3)

      const ada = await somebody()
      const store = await open()
      await store.executeSql(
        `insert into provider_link (peer_id, person, linked_at)
          select $1 || n, $2, now() from generate_series(1, ${NODES_PER_PERSON_MAX}) n`,
        [randomUUID(), ada.id],
      )
      const code = await codeOf(ada)
      expect(await link(peerId, code, ada.email)).toEqual({ outcome: 'too-many' })
      // The code was not used up: who makes room need not ask for another one.
      await store.executeSql(
        'delete from provider_link where person = $1 and peer_id = (select max(peer_id) from provider_link where person = $1)',
        [ada.id],
      )
      expect(await link(newSigner().peerId, code, ada.email)).toMatchObject({ outcome: 'linked' })
    })
  })
}
