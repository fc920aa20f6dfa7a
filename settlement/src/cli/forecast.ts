import { readFile, stat } from 'node:fs/promises'
import { SettlementError } from '../errors.ts'
import { type ForecastReport, reportOn } from '../forecast/forecast-report.ts'
import { toldError } from '../logging/told-error.ts'

export interface ForecastFlags {
  readonly csv: string
  readonly json?: boolean
  /** Digits, as they were given. */
  readonly horizon: string
}

/** Ten years by the minute are 150 MB. */
const FILE_BYTES_MAX = 256 * 1024 * 1024
/** Two months: further ahead there is nothing but the mean of what was. */
const HORIZON_MAX = 62
/** What was given is wrong; a fault of the program is 1. */
const BAD_INPUT = 2

/** Tries and prints a forecast of a file. Needs no service and no settings. */
export async function forecastFile(flags: ForecastFlags): Promise<void> {
  try {
    const report = reportOn(await contentOf(flags.csv), horizonOf(flags.horizon))
    process.stdout.write(
      flags.json === true ? `${JSON.stringify(report, undefined, 2)}\n` : table(report),
    )
  } catch (error) {
    const { code, message } = toldError(error)
    console.error(JSON.stringify({ event: 'error', code, message }))
    process.exitCode = error instanceof SettlementError ? BAD_INPUT : 1
  }
}

async function contentOf(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size > FILE_BYTES_MAX) throw invalid(`${file} is larger than ${FILE_BYTES_MAX} bytes`)
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (cause instanceof SettlementError) throw cause
    throw invalid(`${file} cannot be read`, cause)
  }
}

function horizonOf(text: string): number {
  const horizon = Number(text)
  if (Number.isInteger(horizon) && horizon >= 1 && horizon <= HORIZON_MAX) return horizon
  throw invalid(`--horizon ${text}: a whole number of days from 1 to ${HORIZON_MAX}`)
}

const invalid = (what: string, cause?: unknown) =>
  new SettlementError('HANSE_SERIES_INVALID', what, { cause })

function table(report: ForecastReport): string {
  const { naive } = report
  const row = (name: string, own: number | null, other: number | null | undefined, unit = '') =>
    `${name.padEnd(26)}${cell(own, unit)}${cell(other, unit)}`
  const lines = [
    `${report.days} days, ${report.from ?? '-'} to ${report.to ?? '-'} (${report.emptyDays} empty, ${report.partialDays} partial ones left out): ${report.class}`,
    `model: ${report.model}${report.leader === null ? '' : `, led by ${report.leader}`}`,
    '',
    report.origins === 0
      ? 'back-test: fewer than three weeks, nothing to compare with'
      : `back-test: ${report.origins} forecasts of 7 days, one each ${report.step === 1 ? 'day' : 'week'}`,
    `${''.padEnd(26)}${'forecast'.padStart(12)}${'week before'.padStart(12)}`,
    row('daily error (MAPE)', report.mape, naive?.mape, ' %'),
    row('daily error (WAPE)', report.wape, naive?.wape, ' %'),
    row('error of the week', report.weekError, naive?.weekError, ' %'),
    row('scaled error (MASE)', report.mase, naive?.mase),
    row('days in the 80 % interval', report.coverage80, undefined, ' %'),
    '',
    ...report.forecast.map(
      ({ day, value, lower, upper }) =>
        `${day}${String(value).padStart(14)}   80 %: ${lower} to ${upper}`,
    ),
  ]
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

const cell = (value: number | null | undefined, unit: string): string =>
  (value === undefined ? '' : value === null ? '-' : `${value}${unit}`).padStart(12)
