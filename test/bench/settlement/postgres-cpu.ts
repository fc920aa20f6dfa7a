import { readdirSync, readFileSync } from 'node:fs'
import type { SettlementStore } from '@hanse/settlement'

/** Linux counts in hundredths of a second, whatever its own tick is (USER_HZ). */
const US_PER_TICK = 10_000

interface Stat {
  readonly parent: number
  /** Of the process itself, and of its children that have ended. */
  readonly own: number
  readonly ended: number
}

/** The process whose children serve the connections of a PostgreSQL server; undefined where that cannot be told. */
export async function postmasterOf(store: SettlementStore): Promise<number | undefined> {
  if (process.platform !== 'linux' || store.kind !== 'postgres') return undefined
  const { rows } = await store.executeSql('select pg_backend_pid() as pid')
  const [row] = rows as { pid: number }[]
  return row && statOf(row.pid)?.parent
}

/** User and system time of a server so far, with all processes that it has and had, µs. */
export function serverCpuUs(postmaster: number): number {
  const self = statOf(postmaster)
  let ticks = (self?.own ?? 0) + (self?.ended ?? 0)
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/u.test(name) ? statOf(Number(name)) : undefined
    if (stat?.parent === postmaster) ticks += stat.own
  }
  return ticks * US_PER_TICK
}

function statOf(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may hold spaces; what follows are the fields from the third on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [parent = 0, user = 0, system = 0, endedUser = 0, endedSystem = 0] = [
      1, 11, 12, 13, 14,
    ].map((i) => Number(fields[i]))
    return { parent, own: user + system, ended: endedUser + endedSystem }
  } catch {
    return undefined
  }
}
