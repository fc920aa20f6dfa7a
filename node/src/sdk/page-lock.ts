import { HanseError } from '@hanse/protocol'

interface LockManager {
  request(
    name: string,
    options: { readonly ifAvailable: true },
    held: (lock: object | null) => Promise<void>,
  ): Promise<void>
}

/** Keeps a name to this page until it is disposed of or the page is gone. @throws {HanseError} HANSE_ALREADY_RUNNING */
export async function lockPageData(name: string): Promise<Disposable> {
  const { navigator } = globalThis as { navigator?: { readonly locks?: LockManager } }
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const locked = await new Promise<boolean>((resolve, reject) => {
    const locks = navigator?.locks
    if (locks === undefined) {
      reject(new HanseError('HANSE_CONFIG_INVALID', 'dataDir: this browser has no locks'))
      return
    }
    const hold = async (lock: object | null): Promise<void> => {
      resolve(lock !== null)
      if (lock !== null) await released
    }
    locks.request(`hanse-${name}`, { ifAvailable: true }, hold).catch(reject)
  })
  if (locked) return { [Symbol.dispose]: release }
  throw new HanseError('HANSE_ALREADY_RUNNING', `another tab uses the data ${name.slice(0, 64)}`)
}
