import type { ProviderStatus } from '../../provider/status.ts'

/** The status of the provider that runs with this data folder; `undefined` when none answers. */
export async function fetchStatus(_dataDir: string): Promise<ProviderStatus | undefined> {
  return await Promise.resolve(undefined)
}
