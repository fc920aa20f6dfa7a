import { parentPort, workerData } from 'node:worker_threads'
import { MUTATIONS } from './mutations.ts'
import { plant } from './plant.ts'

/** A worker is told a seed and answers with its result. */
const { mutation, lines } = workerData as { mutation: string | undefined; lines: number }
if (mutation !== undefined) {
  const found = MUTATIONS.find(({ name }) => name === mutation)
  if (found === undefined) throw new Error(`no mutation ${mutation}`)
  plant(found)
}
const { runSeed } = await import('./run-seed.ts')
parentPort?.on('message', (seed: number) => parentPort?.postMessage(runSeed(seed, lines)))
