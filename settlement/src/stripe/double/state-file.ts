import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { emptyState, type State, stateFromJson, stateToJson } from './state.ts'

export async function loadState(path: string | undefined): Promise<State> {
  if (path === undefined) return emptyState()
  try {
    return stateFromJson(await readFile(path, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return emptyState()
    throw error
  }
}

/** Writes the state so that a crash leaves the old file or the new one, never a part. */
export class StateFile {
  readonly #state: State
  readonly #path: string | undefined
  #writing: Promise<void> = Promise.resolve()
  #waiting: Promise<void> | undefined

  constructor(state: State, path: string | undefined) {
    this.#state = state
    this.#path = path
  }

  /** Resolves once a file that holds every change made before the call is in place. */
  save(): Promise<void> {
    const path = this.#path
    if (path === undefined) return Promise.resolve()
    // A write that has not begun takes in this change too, so a burst costs two writes.
    const begin = (): Promise<void> => {
      this.#waiting = undefined
      this.#writing = this.#write(path)
      return this.#writing
    }
    // A failed write was reported to those who waited for it; the next one tries again.
    this.#waiting ??= this.#writing.then(begin, begin)
    return this.#waiting
  }

  async #write(path: string): Promise<void> {
    const json = stateToJson(this.#state)
    await mkdir(dirname(path), { recursive: true })
    const temporary = `${path}.tmp`
    {
      await using file = await open(temporary, 'w', 0o600)
      await file.writeFile(json)
      await file.sync()
    }
    await rename(temporary, path)
  }
}
