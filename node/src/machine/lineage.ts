import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A process, as Linux tells of it to everybody. */
export interface ProcessFacts {
  readonly pid: number
  readonly parent: number
  /** Its name, 15 characters at most; programs may give themselves another. */
  readonly comm: string
  /** The program and its arguments. */
  readonly argv: readonly string[]
}

/** A launcher, a server, its worker, that one's helper; a shell and a service manager above. */
const GENERATIONS_MAX = 16
/** The program and its script come first; an argument may be a prompt. */
const ARGUMENTS_MAX = 16

/**
 * A process, its parent, and so on up to the first; `undefined` where it cannot be seen, as from within a container or
 * on another system than Linux.
 */
export async function readLineage(
  procRoot: string,
  pid: number,
): Promise<readonly ProcessFacts[] | undefined> {
  const lineage: ProcessFacts[] = []
  let next = pid
  while (next > 0 && lineage.length < GENERATIONS_MAX) {
    const facts = await readProcess(procRoot, next)
    // A parent that is out of sight, or has just ended, says nothing against its child.
    if (facts === undefined) break
    lineage.push(facts)
    next = facts.parent
  }
  return lineage.length === 0 ? undefined : lineage
}

async function readProcess(procRoot: string, pid: number): Promise<ProcessFacts | undefined> {
  try {
    const folder = join(procRoot, `${pid}`)
    const [stat, cmdline] = await Promise.all([
      readFile(join(folder, 'stat'), 'utf8'),
      readFile(join(folder, 'cmdline'), 'utf8'),
    ])
    // A name may hold spaces and brackets: it ends at the last one.
    const end = stat.lastIndexOf(')')
    const parent = Number(stat.slice(end + 2).split(' ')[1])
    if (end === -1 || !Number.isSafeInteger(parent)) return undefined
    const argv = cmdline.split('\0').slice(0, ARGUMENTS_MAX)
    return { pid, parent, comm: stat.slice(stat.indexOf('(') + 1, end), argv }
  } catch {
    return undefined
  }
}
