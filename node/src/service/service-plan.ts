/** What a supervisor is to run, and with which rights. */
export interface ServicePlan {
  readonly program: 'provider' | 'gateway' | 'relay'
  /** Absolute path of Node, then the script and its arguments. */
  readonly command: readonly [string, ...string[]]
  /** Where hanse.toml is looked for. */
  readonly workingDirectory: string
  /** Folders that it may write to; everything else is read-only. */
  readonly writable: readonly string[]
  /** Secrets, one `HANSE_…=value` a line; need not be there. */
  readonly environmentFile: string
  /** How long running answers may take to finish, ms. */
  readonly drainMs: number
  /** As systemd writes sizes, such as `8G`. */
  readonly memoryMax: string | undefined
  /** Whom a system service runs as; `undefined` for the user’s own service. */
  readonly runAs: string | undefined
}

/** Sessions, connections and files of a relay’s 3000 peers fit many times. */
export const OPEN_FILES_MAX = 65_536
/** After draining, the daemon closes its log and says goodbye to the network. */
const GOODBYE_SECONDS = 30

/** When a supervisor may give up on a polite stop, in seconds. */
export function stopSeconds({ drainMs }: ServicePlan): number {
  return Math.ceil(drainMs / 1000) + GOODBYE_SECONDS
}
