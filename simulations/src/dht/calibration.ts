import { readFileSync } from 'node:fs'
import type { TableFigures } from './learned.ts'

/** What `--calibrate` measured on real nodes; `calibration.json`. */
export interface Calibration {
  readonly date: string
  readonly machine: string
  /** Nodes as they are: everybody knows everybody. */
  readonly production: readonly TableFigures[]
  /** Nodes with tables so small that a few dozen do not fit. */
  readonly small: readonly TableFigures[]
}

export const CALIBRATION = {
  sizes: [10, 20, 40, 60],
  small: { bucketSize: 4, prefixLength: 2, alpha: 10 },
  /** Rounds of maintenance in the model, as in the measurement. */
  rounds: { production: 2, small: 3 },
}

export function readCalibration(): Calibration {
  return JSON.parse(
    readFileSync(new URL('./calibration.json', import.meta.url), 'utf8'),
  ) as Calibration
}
