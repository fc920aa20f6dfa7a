/** A graphics card of this machine, or the graphics part of its processor where that runs models. */
export interface Gpu {
  /** Stable while the machine runs, such as `nvidia:0`. */
  readonly id: string
  readonly vendor: 'nvidia' | 'amd' | 'apple' | 'intel' | 'other'
  readonly name: string
  /** 0 where it is not known; on Apple's chips what the GPU may use of the shared memory. */
  readonly vramBytes: number
  /** `null` where it is not known. */
  readonly driver: string | null
}

/** What a GPU is doing at a moment. `null` is what its driver does not tell. */
export interface GpuReading {
  readonly id: string
  /** Share of time in which something ran, 0 to 1. */
  readonly utilization: number | null
  readonly temperatureCelsius: number | null
  readonly vramUsedBytes: number | null
  readonly powerWatts: number | null
  /** Processes that compute on it. */
  readonly processes: readonly { readonly pid: number; readonly vramBytes: number | null }[]
}

export interface Machine {
  readonly gpus: readonly Gpu[]
  readonly memoryBytes: number
  readonly cpu: string
  readonly cores: number
}
