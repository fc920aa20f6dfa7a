/** Browsers have no setImmediate, and clamp setTimeout to 4 ms. */
const soon: (run: () => void) => void =
  typeof setImmediate === 'function' ? (run) => void setImmediate(run) : queueMicrotask

let first: (() => void)[] = []
let last: (() => void)[] = []
let isPlanned = false

/** Calls back after the reads of this tick, for what gathers what a tick writes. It must not throw. */
export function afterTick(run: () => void): void {
  first.push(run)
  plan()
}

/** Calls back after all that `afterTick` was given, for what gathers what those write. It must not throw. */
export function afterWrites(run: () => void): void {
  last.push(run)
  plan()
}

function plan(): void {
  if (isPlanned) return
  isPlanned = true
  soon(() => {
    while (first.length > 0) {
      const runs = first
      first = []
      for (const run of runs) run()
    }
    const runs = last
    last = []
    isPlanned = false
    for (const run of runs) run()
  })
}
