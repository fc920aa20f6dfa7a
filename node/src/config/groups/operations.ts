/** Watching and steering a running daemon: control, logs, metrics. */
export const operationsGroup = {} as const
