/** What a worker is to do. */
export interface Job {
  /** Where `TARGETS` is imported from. */
  readonly module: string
  readonly target: string
  readonly seed: number
  readonly seconds: number
  /** Hex: this input alone. */
  readonly input: string | undefined
  readonly shared: SharedArrayBuffer
}

export interface Failed {
  readonly type: 'failed'
  /** Of the batch that failed: it fails again at once. */
  readonly seed: number
  /** The smallest that was found, in hex; empty when it is no single input, or too long to tell. */
  readonly input: string
  readonly error: string
}

export interface Done {
  readonly type: 'done'
  readonly executions: number
  readonly ms: number
}

export type FromWorker = Failed | Done
