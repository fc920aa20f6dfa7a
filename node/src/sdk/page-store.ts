import { HanseError } from '@hanse/protocol'
import { MemoryStore, type MemoryStoreOptions } from './memory-store.ts'
import { type Change, PageDatabase } from './page-database.ts'
import { lockPageData } from './page-lock.ts'
import { decodeSnapshot, type Snapshot } from './snapshot.ts'

/** The name of the identity's bytes. */
export const SEED = 'seed'
const SEED_BYTES = 32

/** What a page keeps over a reload. */
export interface PageData extends AsyncDisposable {
  /** Of the identity. */
  readonly seed: Uint8Array
  readonly store: PageStore
}

/**
 * Opens what pages of this origin keep under a name, for one of them at a time.
 *
 * @throws {HanseError} HANSE_ALREADY_RUNNING, HANSE_CONFIG_INVALID
 */
export async function openPageData(
  name: string,
  random: (bytes: number) => Uint8Array,
): Promise<PageData> {
  await using stack = new AsyncDisposableStack()
  stack.use(await lockPageData(name))
  const database = stack.use(await PageDatabase.open(name))
  const known = await database.get('identity', SEED)
  const seed = known ?? random(SEED_BYTES)
  if (known === undefined) await database.change('identity', [[SEED, seed]])
  const store = stack.use(new PageStore(database))
  await store.load()
  const moved = stack.move()
  return { seed, store, [Symbol.asyncDispose]: async () => await moved.disposeAsync() }
}

/** Where sessions are written to. */
export type SessionShelf = Pick<PageDatabase, 'all' | 'change'>

/** Memory that is written to IndexedDB: an order before it leaves, receipts soon after they came. */
export class PageStore extends MemoryStore implements AsyncDisposable {
  readonly #database: SessionShelf
  /** Sessions that have changed since they were written. */
  readonly #changed = new Set<string>()
  #loading = false
  #writing: Promise<void> | undefined
  #fault: unknown

  constructor(database: SessionShelf, options: MemoryStoreOptions = {}) {
    super(options)
    this.#database = database
  }

  async load(): Promise<void> {
    const snapshots = (await this.#database.all('sessions')).map(decodeSnapshot)
    const startOf = ({ sessions }: Snapshot): number => sessions[0]?.startedAt ?? 0
    this.#loading = true
    for (const snapshot of snapshots.sort((a, b) => startOf(a) - startOf(b)))
      this.add(snapshot, Date.now())
    this.#loading = false
  }

  /** @throws {HanseError} HANSE_DISK_FULL when the browser keeps no more: nothing is ordered then */
  override async committed(): Promise<void> {
    await this.#written()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#written().catch(() => {})
  }

  protected override changed(session: string): void {
    if (this.#loading) return
    this.#changed.add(session)
    this.#writing ??= this.#write()
  }

  /** What has changed by now is in the batch that is being written, or in the next one. */
  async #written(): Promise<void> {
    await this.#writing
    await this.#writing
    if (this.#fault === undefined) return
    const cause = this.#fault
    this.#fault = undefined
    throw new HanseError('HANSE_DISK_FULL', 'the browser keeps no more receipts', { cause })
  }

  /** What changes meanwhile is written together, next: a fast answer costs no more writes than a slow one. */
  async #write(): Promise<void> {
    // Not before whoever changes it has finished.
    await Promise.resolve()
    const changes = [...this.#changed].map((session): Change => {
      const known = this.session(session) !== undefined
      return [session, known ? this.export([session]) : undefined]
    })
    this.#changed.clear()
    try {
      await this.#database.change('sessions', changes)
      this.#writing = this.#changed.size > 0 ? this.#write() : undefined
    } catch (error) {
      this.#fault = error
      this.#writing = undefined
      // The next change tries again.
      for (const [session] of changes) this.#changed.add(session)
    }
  }
}
