import type { ComponentLogger, Logger } from '@libp2p/interface'

/** libp2p makes loggers for each stream, whether anybody reads them or not. This one is all of them; DEBUG asks for libp2p's. */
export function quietLogger(debug: string | undefined): { logger?: ComponentLogger } {
  return debug === undefined || debug === '' ? { logger: { forComponent: () => QUIET } } : {}
}

const QUIET: Logger = Object.assign(() => {}, {
  enabled: false,
  trace: Object.assign(() => {}, { enabled: false }),
  error: () => {},
  newScope: () => QUIET,
})
