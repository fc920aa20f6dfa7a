import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { person, providerLink, providerLinkCode } from '../db/schema.ts'

/** A household, or the people of a small company; each of them may see where the money goes. */
export const OWNERS_PER_NODE_MAX = 10
/** A page lists them all at once. */
export const NODES_PER_PERSON_MAX = 100

export interface NodeOwner {
  readonly person: string
  readonly email: string
  readonly linkedAt: number
}

export interface LinkedNode {
  readonly peerId: string
  readonly linkedAt: number
  /** Of its payout account; null where it has none. */
  readonly country: string | null
  readonly payable: boolean
  /** When settlement last booked something that it earned. */
  readonly lastPaidAt: number | null
}

/** What became of a code that a node has signed. */
export type LinkOutcome =
  | { readonly outcome: 'linked'; readonly person: string; readonly isNew: boolean }
  | { readonly outcome: 'unknown' }
  | { readonly outcome: 'too-many' }

/** Which people look after which nodes. */
export function linkStore(db: Database) {
  return {
    /** Replaces the code that the person had. */
    putLinkCode: async (given: {
      readonly person: string
      readonly hash: Uint8Array
      readonly expiresAt: number
    }): Promise<void> => {
      const values = { hash: given.hash, expiresAt: new Date(given.expiresAt) }
      await db
        .insert(providerLinkCode)
        .values({ person: given.person, ...values })
        .onConflictDoUpdate({ target: providerLinkCode.person, set: values })
    },

    /**
     * Uses a code up for a node, if it is of the person with this address. Of two that use it at once, one does. Where
     * there are too many links already the code stays.
     */
    linkNode: (given: {
      readonly hash: Uint8Array
      readonly email: string
      readonly peerId: string
      readonly at: number
    }): Promise<LinkOutcome> =>
      transact(db, async (tx) => {
        const owner = await lockedOwner(tx, given)
        if (owner === undefined) return { outcome: 'unknown' }
        const { peerId, at } = given
        // Two people who link one node at once are counted one after the other.
        await tx.execute(sql`select pg_advisory_xact_lock(hashtext(${`provider-link ${peerId}`}))`)
        const before = await counts(tx, peerId, owner)
        if (!before.isLinked && isFull(before)) return { outcome: 'too-many' }
        await tx.delete(providerLinkCode).where(eq(providerLinkCode.person, owner))
        await tx
          .insert(providerLink)
          .values({ peerId, person: owner, linkedAt: new Date(at) })
          .onConflictDoNothing()
        return { outcome: 'linked', person: owner, isNew: !before.isLinked }
      }),

    isNodeOwner: async (owner: string, peerId: string): Promise<boolean> =>
      (
        await db
          .select({ peerId: providerLink.peerId })
          .from(providerLink)
          .where(link(owner, peerId))
      ).length > 0,

    /** In the order in which they were linked. */
    nodeOwners: async (peerId: string): Promise<NodeOwner[]> => {
      const found = await db
        .select({ person: person.id, email: person.email, linkedAt: providerLink.linkedAt })
        .from(providerLink)
        .innerJoin(person, eq(person.id, providerLink.person))
        .where(eq(providerLink.peerId, peerId))
        .orderBy(asc(providerLink.linkedAt), asc(person.id))
      return found.map((row) => ({ ...row, linkedAt: row.linkedAt.getTime() }))
    },

    /** In the order in which they were linked. */
    nodesOf: async (owner: string): Promise<LinkedNode[]> => {
      const found = await rows<LinkedRow>(
        db,
        sql`select l.peer_id, l.linked_at::text, p.country, p.payable_since is not null as payable,
            (select s.updated_at::text from settled_session s where s.provider = l.peer_id and s.amount > 0
              order by s.updated_at desc limit 1) as last_paid
          from provider_link l left join provider p on p.peer_id = l.peer_id
          where l.person = ${owner} order by l.linked_at, l.peer_id limit ${NODES_PER_PERSON_MAX}`,
      )
      return found.map((row) => ({
        peerId: row.peer_id,
        linkedAt: Date.parse(row.linked_at),
        country: row.country,
        payable: row.payable,
        lastPaidAt: row.last_paid === null ? null : Date.parse(row.last_paid),
      }))
    },

    /** @returns whether there was such a link */
    unlinkNode: async (owner: string, peerId: string): Promise<boolean> =>
      (
        await db
          .delete(providerLink)
          .where(link(owner, peerId))
          .returning({ peerId: providerLink.peerId })
      ).length > 0,
  }
}

interface LinkedRow {
  readonly peer_id: string
  readonly linked_at: string
  readonly country: string | null
  readonly payable: boolean
  readonly last_paid: string | null
}

const link = (owner: string, peerId: string) =>
  and(eq(providerLink.person, owner), eq(providerLink.peerId, peerId))

/** Whose code it is. The row of the code is locked until the end: what uses it next finds none. */
async function lockedOwner(
  tx: Database,
  given: { readonly hash: Uint8Array; readonly email: string; readonly at: number },
): Promise<string | undefined> {
  const [found] = await tx
    .select({ person: providerLinkCode.person })
    .from(providerLinkCode)
    .innerJoin(person, eq(person.id, providerLinkCode.person))
    .where(
      and(
        eq(providerLinkCode.hash, given.hash),
        gt(providerLinkCode.expiresAt, new Date(given.at)),
        eq(person.email, given.email),
        isNull(person.disabledAt),
      ),
    )
    .for('update', { of: providerLinkCode })
  return found?.person
}

interface Counts {
  readonly owners: number
  readonly nodes: number
  readonly isLinked: boolean
}

async function counts(tx: Database, peerId: string, owner: string): Promise<Counts> {
  const [found] = await rows<Counts & { is_linked: boolean }>(
    tx,
    sql`select (select count(*)::int4 from provider_link where peer_id = ${peerId}) as owners,
      (select count(*)::int4 from provider_link where person = ${owner}) as nodes,
      exists (select from provider_link where peer_id = ${peerId} and person = ${owner}) as is_linked`,
  )
  return {
    owners: found?.owners ?? 0,
    nodes: found?.nodes ?? 0,
    isLinked: found?.is_linked === true,
  }
}

const isFull = ({ owners, nodes }: Counts): boolean =>
  owners >= OWNERS_PER_NODE_MAX || nodes >= NODES_PER_PERSON_MAX
