import { openAsBlob } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { fromPglite } from 'pg-boss'
import type { Database } from './database.ts'
import { DURABLE_START_PARAMS, DurableNodeFS } from './durable-node-fs.ts'
import { migrate } from './migrate.ts'
import { createRepository, READS, type RepositoryMethod } from './repository.ts'
import { faultOf, type WorkerOptions, type WorkerReply, type WorkerRequest } from './rpc.ts'

// The thread that owns a PGlite database. PGlite blocks the thread it runs in, so the API has another one.

/** PGlite in single-user mode makes no checkpoint of its own: without one the WAL grows for ever. */
const CHECKPOINT_EVERY_MS = 120_000
/** Nor does it vacuum or analyze. */
const VACUUM_EVERY_MS = 1_800_000

const reply = (message: WorkerReply): void => parentPort?.postMessage(message)

try {
  await serve()
} catch (error) {
  reply({ ready: false, fault: faultOf(error) })
}

async function serve(): Promise<void> {
  const { directory, migrations, template } = workerData as WorkerOptions
  const fs = directory === null ? undefined : new DurableNodeFS(directory)
  const client = await PGlite.create({
    ...(fs !== undefined && { fs, startParams: DURABLE_START_PARAMS }),
    ...(template !== undefined && { loadDataDir: await openAsBlob(template) }),
  })
  const db = drizzle(client) as unknown as Database
  await migrate(db, migrations)
  const repository = createRepository(db)
  const plain = fromPglite(client)
  const reads: WorkerRequest[] = []
  const writes: WorkerRequest[] = []
  let running = false

  const checkpoint = setInterval(() => enqueueUpkeep('checkpoint'), CHECKPOINT_EVERY_MS)
  const vacuum = setInterval(() => enqueueUpkeep('vacuum (analyze)'), VACUUM_EVERY_MS)

  parentPort?.on('message', (request: WorkerRequest) => {
    ;(READS.has(request.method as RepositoryMethod) ? reads : writes).push(request)
    void drain()
  })
  reply({ ready: true })

  /** One request at a time, for there is one connection; reads first. */
  async function drain(): Promise<void> {
    if (running) return
    running = true
    for (;;) {
      const request = reads.shift() ?? writes.shift()
      if (request === undefined) break
      try {
        reply({ id: request.id, value: await run(request) })
      } catch (error) {
        reply({ id: request.id, fault: faultOf(error) })
      }
    }
    running = false
  }

  async function run(request: WorkerRequest): Promise<unknown> {
    if (request.method === 'fsyncCount') return fs?.fsyncs ?? 0
    if (request.method === 'close') return close()
    if (request.method === 'executeSql') {
      const [text, values] = request.args
      const { rows } = await plain.executeSql(text, values && [...values])
      return { rows }
    }
    const method = repository[request.method] as (...args: readonly unknown[]) => Promise<unknown>
    return method(...request.args)
  }

  function enqueueUpkeep(statement: string): void {
    // PGlite queues it behind the statement that runs; a failure is told by the next request that fails.
    client.exec(statement).catch(() => undefined)
  }

  async function close(): Promise<void> {
    clearInterval(checkpoint)
    clearInterval(vacuum)
    // Reopening after a checkpoint is quick, and replays nothing.
    await client.exec('checkpoint')
    await client.close()
    parentPort?.unref()
  }
}
