import { HanseError } from '@hanse/protocol'
import { ControlClient, localControl } from '../../control/index.ts'
import type { ReachabilityReport } from '../../network/index.ts'
import type { ProviderStatus } from '../../provider/status.ts'

/** The status of the provider that runs with this data folder; `undefined` when none answers. */
export async function fetchStatus(dataDir: string): Promise<ProviderStatus | undefined> {
  try {
    return await new ControlClient(localControl(dataDir)).status()
  } catch (error) {
    if (error instanceof HanseError && error.code === 'HANSE_CONTROL_UNREACHABLE') return undefined
    throw error
  }
}

/** Has peers dial the daemon; `undefined` when it does not say, as one of an older release. */
export async function fetchReachability(dataDir: string): Promise<ReachabilityReport | undefined> {
  try {
    return await new ControlClient(localControl(dataDir)).reachability()
  } catch (error) {
    if (error instanceof HanseError) return undefined
    throw error
  }
}
