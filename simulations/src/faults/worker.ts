import { parentPort, workerData } from 'node:worker_threads'
import { MUTATIONS } from './mutations.ts'
import { plant } from './plant.ts'
import type { SeedOptions } from './run-seed.ts'

/** A worker is told a seed and answers with its result. */
const { mutation, options } = workerData as {
  mutation: string | undefined
  options: SeedOptions
}
if (mutation !== undefined) {
  const found = MUTATIONS.find(({ name }) => name === mutation)
  if (found === undefined) throw new Error(`no mutation ${mutation}`)
  plant(found)
}
const { runSeed } = await import('./run-seed.ts')
// One after the other: the worlds share the keys' caches and nothing else, but a profile is easier to read so.
let turn: Promise<void> = Promise.resolve()
parentPort?.on('message', (seed: number) => {
  turn = turn.then(async () => parentPort?.postMessage(await runSeed(seed, options)))
})
