/** Where and when a benchmark ran. */
export interface Run {
  /** ISO, a day or an instant. */
  readonly date: string
  /** With further arguments, where the benchmark ran with others than the page says. */
  readonly command: string
  readonly cpu: string
  readonly cores: number
  /** Null where it was not written down. */
  readonly memoryMb: number | null
  readonly kernel: string | null
  readonly node: string
  /** Share of the processors that was busy in the seconds before it began, 0…1; null where it was not looked at. */
  readonly busy: number | null
  /** In place of that: what is known of a run whose own file was not kept. */
  readonly note?: string
}

/** One figure beside what it is held against, all in its unit. */
export interface Value {
  readonly ours: number
  /** What no implementation on this machine can beat. */
  readonly limit?: number
  /** The best other program that does as much of it as there is. */
  readonly other?: number
}

/** What is committed: `docs/figures/performance.json`. */
export interface Performance {
  /** By the name of the benchmark. */
  readonly runs: Readonly<Record<string, Run>>
  /** By the id of the figure. */
  readonly values: Readonly<Record<string, Value>>
}
