import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { calibrate } from './calibrate.ts'
import { CALIBRATION, type Calibration } from './calibration.ts'
import type { TableFigures } from './learned.ts'

const TARGET = fileURLToPath(new URL('./calibration.json', import.meta.url))

/**
 * Measures real networks, and keeps the figures beside the model: a plain run opens no sockets. They are written after each
 * network, the small ones first: a machine that is busy with sixty nodes for too long can be stopped.
 */
export async function runCalibration(progress: (text: string) => void): Promise<void> {
  const { sizes, small } = CALIBRATION
  const { bucketSize, prefixLength, alpha } = small
  const table = { kBucketSize: bucketSize, prefixLength, alpha }
  const measured = { production: [] as TableFigures[], small: [] as TableFigures[] }
  for (const peers of sizes) {
    measured.small.push(
      ...(await calibrate({ sizes: [peers], lookups: 60, rounds: 3, table }, progress)),
    )
    measured.production.push(
      ...(await calibrate({ sizes: [peers], lookups: 20, rounds: 2 }, progress)),
    )
    const calibration: Calibration = {
      date: new Date().toISOString().slice(0, 10),
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
      ...measured,
    }
    writeFileSync(TARGET, `${JSON.stringify(calibration, undefined, 2)}\n`)
  }
}
