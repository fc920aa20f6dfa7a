import type { Engine } from '../engine/index.ts'
import { readLineage } from '../machine/index.ts'
import { areRecognizable, servesEngines } from '../provider/availability/index.ts'

export interface OwnProcessesOptions {
  /** Those with models on offer. */
  readonly engines: readonly Pick<Engine, 'name'>[]
  /** Of this daemon. */
  readonly self: number
  readonly procRoot: string
}

/**
 * Which of the processes that hold a GPU’s memory are this node’s or its engines’; `undefined` when one cannot be seen,
 * or an engine’s processes have no names that are known: then nobody is somebody else.
 */
export async function ownAmong(
  pids: readonly number[],
  { engines, self, procRoot }: OwnProcessesOptions,
): Promise<ReadonlySet<number> | undefined> {
  const names = engines.map(({ name }) => name)
  if (!areRecognizable(names)) return undefined
  const own = new Set([self])
  for (const pid of new Set(pids)) {
    const lineage = await readLineage(procRoot, pid)
    if (lineage === undefined) return undefined
    if (servesEngines(lineage, names, self)) own.add(pid)
  }
  return own
}
