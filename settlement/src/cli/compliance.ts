import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { dac7Report } from '../dac7/make-report.ts'
import { dac7Csv } from '../dac7/render-csv.ts'
import { dac7Xml } from '../dac7/render-xml.ts'
import { SettlementError } from '../errors.ts'
import { ROOT } from '../operators/operator.ts'
import { retentionPlan } from '../retention/plan.ts'
import { runRetention } from '../retention/run-retention.ts'
import type { Errand } from './operator-call.ts'

type Flags = Record<string, unknown>
/** Makes a command of the program, which takes every setting. */
type Make = (parent: Command, name: string, description: string) => Command
/** Does an errand, or says on standard error why not. */
type Do = (errand: (flags: Flags) => Promise<Errand> | Errand) => (flags: Flags) => Promise<void>

/** `retention` and `dac7`: what EU mode has an operator do. */
export function complianceCommands(program: Command, make: Make, run: Do): void {
  make(program, 'retention', 'remove what is older than its period; without a flag, now')
    .option('--dry-run', 'only say what would go')
    .option('--plan', 'say how long what is kept, and what is held')
    .action(run(retentionErrand))
  make(program, 'dac7', 'write the yearly report of sellers (DAC7)')
    .requiredOption('--year <year>', 'a calendar year, such as 2026')
    .requiredOption('--out <file>', 'what to write: its end, .xml or .csv, says which')
    .action(run(dac7Errand))
}

function retentionErrand({ dryRun, plan }: Flags): Errand {
  if (plan === true) {
    return {
      method: 'GET',
      path: '/v1/admin/retention',
      onService: async ({ context }) => ({ classes: await retentionPlan(inEuMode(context)) }),
    }
  }
  return {
    method: 'POST',
    path: '/v1/admin/retention/runs',
    body: { dryRun: dryRun === true },
    onService: async ({ context }) => ({
      dryRun: dryRun === true,
      report: await runRetention(inEuMode(context), { dryRun: dryRun === true, by: ROOT.id }),
    }),
  }
}

const YEAR = /^20[2-9]\d$/u
const file = z.object({ file: z.string(), content: z.string() })

function dac7Errand(flags: Flags): Errand {
  const { year, format, out } = readDac7(flags)
  return {
    method: 'GET',
    path: `/v1/admin/dac7/${year}/${format}`,
    onService: async ({ context }) => {
      const report = await dac7Report(inEuMode(context), year)
      return {
        file: `dac7-${year}.${format}`,
        content: format === 'xml' ? dac7Xml(report) : dac7Csv(report),
      }
    },
    use: (result) => writeReport(result, out),
  }
}

/** Names, addresses and tax numbers: for the eyes of whoever runs the program alone. */
const PRIVATE = 0o600

async function writeReport(result: unknown, out: string): Promise<unknown> {
  const { content } = file.parse(result)
  await writeFile(out, content, { mode: PRIVATE })
  return { written: out, bytes: Buffer.byteLength(content) }
}

/** @throws {SettlementError} HANSE_CONFIG_INVALID */
function readDac7({ year, out }: Flags): { year: number; out: string; format: 'xml' | 'csv' } {
  const [, format] = /\.(xml|csv)$/u.exec(String(out)) ?? []
  if (!YEAR.test(String(year))) throw fault('--year: a year such as 2026')
  if (format !== 'xml' && format !== 'csv') throw fault('--out: a file that ends in .xml or .csv')
  return { year: Number(year), out: String(out), format }
}

/** @throws {SettlementError} HANSE_NOT_FOUND as the routes of a service that is not in EU mode */
function inEuMode(context: SettlementContext): SettlementContext {
  if (context.euAudit) return context
  throw new SettlementError('HANSE_NOT_FOUND', 'EU mode is off (HANSE_EU_AUDIT=false)')
}

const fault = (message: string) => new SettlementError('HANSE_CONFIG_INVALID', message)
