import { HanseError } from '@hanse/protocol'

/** What is kept here is either identity or sessions, each under its name. */
export type Shelf = 'identity' | 'sessions'

/** A value to put, or `undefined` to remove what is there. */
export type Change = readonly [key: string, value: Uint8Array | undefined]

/** Bytes by name, in the IndexedDB of this page's origin. */
export class PageDatabase implements Disposable {
  readonly #database: Database

  private constructor(database: Database) {
    this.#database = database
  }

  /** @throws {HanseError} HANSE_CONFIG_INVALID where the browser keeps nothing, as some do in private windows */
  static async open(name: string): Promise<PageDatabase> {
    const { indexedDB } = globalThis as unknown as { indexedDB?: Factory }
    if (indexedDB === undefined)
      throw new HanseError('HANSE_CONFIG_INVALID', 'dataDir: there is no IndexedDB here')
    try {
      const request = indexedDB.open(`hanse-${name}`, 1)
      request.onupgradeneeded = () => {
        for (const shelf of SHELVES) request.result.createObjectStore(shelf)
      }
      return new PageDatabase(await resultOf(request))
    } catch (cause) {
      throw new HanseError('HANSE_CONFIG_INVALID', 'dataDir: IndexedDB refuses', { cause })
    }
  }

  /** Forgets all of it; nothing happens where there is nothing. */
  static async remove(name: string): Promise<void> {
    const { indexedDB } = globalThis as unknown as { indexedDB?: Factory }
    if (indexedDB !== undefined) await resultOf(indexedDB.deleteDatabase(`hanse-${name}`))
  }

  async get(shelf: Shelf, key: string): Promise<Uint8Array | undefined> {
    const store = this.#database.transaction(shelf, 'readonly').objectStore(shelf)
    return await resultOf(store.get(key))
  }

  async all(shelf: Shelf): Promise<readonly Uint8Array[]> {
    const store = this.#database.transaction(shelf, 'readonly').objectStore(shelf)
    return await resultOf(store.getAll())
  }

  /** All of the changes or, when it throws, none. */
  async change(shelf: Shelf, changes: readonly Change[]): Promise<void> {
    const transaction = this.#database.transaction(shelf, 'readwrite')
    const store = transaction.objectStore(shelf)
    for (const [key, value] of changes) {
      if (value === undefined) store.delete(key)
      else store.put(value, key)
    }
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error ?? new Error('aborted'))
    })
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}

const SHELVES: readonly Shelf[] = ['identity', 'sessions']

async function resultOf<Result>(request: DatabaseRequest<Result>): Promise<Result> {
  return await new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('failed'))
  })
}

// What is used of IndexedDB: the compiler knows browsers' types only where everything may use them.
interface Factory {
  open(name: string, version: number): DatabaseRequest<Database> & { onupgradeneeded: () => void }
  deleteDatabase(name: string): DatabaseRequest<unknown>
}

interface DatabaseRequest<Result> {
  readonly result: Result
  readonly error: Error | null
  onsuccess: () => void
  onerror: () => void
}

interface Database {
  createObjectStore(name: string): void
  transaction(name: string, mode: 'readonly' | 'readwrite'): Transaction
  close(): void
}

interface Transaction {
  readonly error: Error | null
  objectStore(name: string): ObjectStore
  oncomplete: () => void
  onabort: () => void
}

interface ObjectStore {
  get(key: string): DatabaseRequest<Uint8Array | undefined>
  getAll(): DatabaseRequest<Uint8Array[]>
  put(value: Uint8Array, key: string): void
  delete(key: string): void
}
