import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSettlement, type Settlement, type SettlementOptions } from '@hanse/settlement'
import { startPostgres } from '@hanse/settlement/testing'
import type { StoreName } from './scale.ts'

/** A place for a settlement: its data directory, and its database. */
export interface Home extends AsyncDisposable {
  /** In this process, to prepare and to look after. */
  open(): Promise<Settlement>
  /** In a process of its own, as it is in production. */
  run(): Promise<Running>
}

export interface Running extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Until the sums of usage and the log have all that was booked. */
  catchUp(): Promise<void>
}

export async function newHome(store: StoreName): Promise<Home> {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-bench-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const server = store === 'postgres' ? stack.use(await startPostgres()) : undefined
  const options: SettlementOptions = {
    dataDir,
    network: 'bench',
    // The load of many nodes comes from here.
    trustedProxies: '127.0.0.1',
    ...(server !== undefined && { databaseUrl: await server.createDatabase() }),
  }
  const opened = stack.move()
  return {
    open: () => openSettlement(options),
    run: () => run(options),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function run(options: SettlementOptions): Promise<Running> {
  const child = fork(new URL('./service-process.ts', import.meta.url), [JSON.stringify(options)])
  const exited = once(child, 'exit')
  const failed = exited.then(() => Promise.reject(new Error('the service did not start')))
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [{ url: string }]
  // Its end is what it is told to do from here on.
  failed.catch(() => undefined)
  return {
    url: message.url,
    pid: child.pid ?? 0,
    catchUp: async () => {
      const done = once(child, 'message')
      child.send('catch up')
      await done
    },
    [Symbol.asyncDispose]: async () => {
      child.disconnect()
      await exited
    },
  }
}
