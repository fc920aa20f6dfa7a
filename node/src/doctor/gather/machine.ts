import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { dirname } from 'node:path'
import type { MachineProbe } from '../provider-facts.ts'

/** The disk of the data folder, and the memory. */
export async function probeMachine(dataDir: string): Promise<MachineProbe> {
  return {
    dataDir,
    diskFreeBytes: await diskFree(dataDir),
    memoryFreeBytes: freemem(),
    memoryBytes: totalmem(),
  }
}

/** Before the first start the folder is not there yet: then the disk of the nearest one above it. */
async function diskFree(folder: string): Promise<number | undefined> {
  let path = folder
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path)
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch {
    return undefined
  }
}
