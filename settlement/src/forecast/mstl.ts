import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { initSync, MSTL } from '@bsull/augurs/mstl'
import { WEEK } from './weekday-models.ts'

/**
 * A weekly season (STL) under a trend by exponential smoothing (AutoETS), fitted to all of `values`. A few milliseconds
 * of a hundred days.
 *
 * @returns nothing where the fit fails, as on fewer than two weeks
 */
export function mstl(values: readonly number[], horizon: number): number[] | undefined {
  start()
  try {
    using model = MSTL.ets([WEEK], { impute: false, logitTransform: false })
    model.fit([...values])
    const { point } = model.predict(horizon)
    return point.length === horizon && point.every(Number.isFinite) ? point : undefined
  } catch {
    return undefined
  }
}

let isReady = false

/** The WebAssembly lies beside the module. Its package exports only the module, so it is found by that. */
function start(): void {
  if (isReady) return
  const module = createRequire(import.meta.url).resolve('@bsull/augurs/mstl')
  initSync({ module: readFileSync(module.replace(/\.js$/u, '_bg.wasm')) })
  isReady = true
}
