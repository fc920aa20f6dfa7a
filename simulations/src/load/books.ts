import { join } from 'node:path'
import { NodeStore } from '@hanse/node'
import { openStore } from '@hanse/settlement'

/** A session as one side has it. */
export interface Kept {
  /** Whose book it is in: the name of its folder. */
  readonly owner: string
  /** Of the other side. */
  readonly peer: string
  /** Of the last receipt that both have signed, pico-euro. */
  readonly amount: bigint
  readonly hasEnded: boolean
}

/** What the three parties have written down, by session. */
export interface Books {
  readonly consumers: ReadonlyMap<string, Kept>
  readonly providers: ReadonlyMap<string, Kept>
  /** Pico-euro, as settlement has booked them. */
  readonly settled: ReadonlyMap<string, bigint>
  /** What the ledger's usage and fees add up to, pico-euro. */
  readonly ledger: bigint
  /** Sessions that settlement has not acknowledged, by whom, and why when it refused. */
  readonly untold: readonly { owner: string; session: string; refused: string | undefined }[]
}

/** More than any run makes; a store is read at once. */
const SESSIONS_MAX = 10_000_000
/** An open one is among the newest. */
const OPEN_AMONG = 2_000

/** Reads the data folders of processes that have ended. */
export async function readBooks(
  folder: string,
  consumers: readonly string[],
  providers: readonly string[],
): Promise<Books> {
  const { settled, ledger } = await readSettlement(join(folder, 'settlement'))
  const sides = [consumers, providers].map((owners) => {
    const kept = new Map<string, Kept>()
    for (const owner of owners)
      for (const [session, each] of sessionsOf(folder, owner)) kept.set(session, each)
    return kept
  })
  const [bought = new Map<string, Kept>(), sold = new Map<string, Kept>()] = sides
  const untold = [...consumers, ...providers].flatMap((owner) => untoldOf(folder, owner))
  return { consumers: bought, providers: sold, settled, ledger, untold }
}

/** What a node has not told settlement yet, or what that refused; the node may be running. */
export function untoldOf(folder: string, owner: string): Books['untold'] {
  using store = new NodeStore(join(folder, owner, 'node.db'), { readOnly: true })
  return store.outbox().map(({ session, refused }) => ({ owner, session, refused }))
}

/** Sessions of a node that have not ended for it; the node may be running. */
export function openSessions(folder: string, owner: string): number {
  using store = new NodeStore(join(folder, owner, 'node.db'), { readOnly: true })
  return store.sessions({ limit: OPEN_AMONG }).filter(({ endedAt }) => endedAt === undefined).length
}

function sessionsOf(folder: string, owner: string): [string, Kept][] {
  using store = new NodeStore(join(folder, owner, 'node.db'), { readOnly: true })
  return store
    .sessions({ limit: SESSIONS_MAX })
    .map(({ session, peer, amount, endedAt }) => [
      session,
      { owner, peer, amount, hasEnded: endedAt !== undefined },
    ])
}

async function readSettlement(dataDir: string): Promise<Pick<Books, 'settled' | 'ledger'>> {
  await using store = await openStore({ dataDir })
  const { rows } = await store.executeSql(
    'select session, amount::text as amount from settled_session',
  )
  const booked = await store.executeSql(
    "select coalesce(sum(amount), 0)::text as amount from ledger_transfer where kind in ('usage', 'platform_fee')",
  )
  const settled = new Map(
    (rows as { session: string; amount: string }[]).map(({ session, amount }) => [
      session,
      BigInt(amount),
    ]),
  )
  const [sum] = booked.rows as { amount: string }[]
  return { settled, ledger: BigInt(sum?.amount ?? 0) }
}
