import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { SettlementError } from '../errors.ts'
import { lockOwner } from './owner-lock.ts'
import type { Repository } from './repository.ts'
import { errorOf, type WorkerOptions, type WorkerReply, type WorkerRequest } from './rpc.ts'
import type { SettlementStore } from './store.ts'

export interface PGliteStore extends SettlementStore {
  /** How often the database asked the disk to keep what it wrote. */
  fsyncCount(): Promise<number>
}

export interface PGliteOptions {
  /** Only these migrations. */
  readonly migrations?: readonly string[]
  /** Path of a dump by PGlite's `dumpDataDir`, to begin with where there is no database. */
  readonly template?: string
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * PGlite in a thread of its own, in `dataDir` or, without one, in memory.
 *
 * @throws {SettlementError} HANSE_STORE_OWNED when another process has the directory
 */
export async function openPGlite(
  dataDir: string | undefined,
  options: PGliteOptions = {},
): Promise<PGliteStore> {
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const lock = dataDir === undefined ? undefined : lockOwner(join(dataDir, 'database.owner'))
  const directory = dataDir === undefined ? null : join(dataDir, 'database')
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
    workerData: {
      directory,
      ...options,
    } satisfies WorkerOptions,
  })
  try {
    await opened(worker)
  } catch (error) {
    await worker.terminate()
    lock?.[Symbol.dispose]()
    throw error
  }
  return connect(worker, lock)
}

function opened(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (message: WorkerReply) => {
      worker.off('error', reject)
      if ('ready' in message && message.ready) resolve()
      else if ('fault' in message) reject(errorOf(message.fault))
    })
  })
}

function connect(worker: Worker, lock: Disposable | undefined): PGliteStore {
  const waiting = new Map<number, Waiting>()
  let last = 0
  let closing: Promise<void> | undefined

  worker.on('message', (message: WorkerReply) => {
    if (!('id' in message)) return
    const call = waiting.get(message.id)
    waiting.delete(message.id)
    if ('fault' in message) call?.reject(errorOf(message.fault))
    else call?.resolve(message.value)
  })
  const stop = (error: Error): void => {
    closing ??= Promise.resolve()
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  worker.on('error', stop)
  worker.on('exit', () => stop(new SettlementError('HANSE_STORE_CLOSED', 'the store has stopped')))

  const call = (method: WorkerRequest['method'], args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++last
      waiting.set(id, { resolve, reject })
      worker.postMessage({ id, method, args })
    })

  const close = async (): Promise<void> => {
    try {
      await call('close', [])
    } finally {
      await worker.terminate()
      lock?.[Symbol.dispose]()
    }
  }

  const own = {
    kind: 'pglite' as const,
    fsyncCount: async () => Number(await call('fsyncCount', [])),
    close: () => {
      closing ??= close()
      return closing
    },
    [Symbol.asyncDispose]: () => own.close(),
  }
  // Every other property is a method of the repository, run over there.
  return new Proxy(own, {
    get(target, name) {
      if (name in target) return Reflect.get(target, name)
      if (typeof name !== 'string' || name === 'then') return undefined
      return (...args: unknown[]) =>
        closing === undefined
          ? call(name as keyof Repository, args)
          : Promise.reject(new SettlementError('HANSE_STORE_CLOSED', 'the store is closed'))
    },
  }) as unknown as PGliteStore
}
