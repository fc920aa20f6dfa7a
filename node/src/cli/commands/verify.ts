import { readFile } from 'node:fs/promises'
import {
  type BundleReport,
  type Check,
  formatEuro,
  HanseError,
  isPackage,
  type PackageReport,
  picoEuro,
  type TrustRoots,
  verifyBundle,
  verifyPackage,
} from '@hanse/protocol'
import type { Command } from 'commander'
import { verifySettings } from '../../config/schemas.ts'
import { bigints, paint } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'
import { clean } from '../terminal-text.ts'

/** A session of thousands of receipts is far below this; anything larger is not a bundle. */
const BUNDLE_BYTES_MAX = 64 << 20

const MARKS: Record<Check['status'], string> = { ok: '✓', unproved: '?', failed: '✗' }
const COLOURS = { ok: 'green', unproved: 'yellow', failed: 'red' } as const

export function verifyCommand(): Command {
  return settingsCommand(
    'verify',
    'Check a session bundle or an evidence package offline: one line per check; exit code 1 when one fails.',
    verifySettings,
    async ({ network, trust, checkpoint }, args, flags) => {
      const bytes = await readBundle(args[0] ?? '')
      const note = checkpoint === undefined ? undefined : await readText(checkpoint)
      const roots: TrustRoots = {
        ...(network === undefined ? {} : { network }),
        ...(trust.length === 0 ? {} : { attestors: trust, settlements: trust }),
        ...(note === undefined ? {} : { checkpoint: { note } }),
      }
      if (isPackage(bytes)) {
        showPackage(verifyPackage(bytes, roots), flags.json === true)
        return
      }
      const report = verifyBundle(bytes, roots)
      const { session: _, ...told } = report
      if (flags.json === true) console.log(JSON.stringify(told, bigints))
      else print(report)
      if (!report.verified) process.exitCode = 1
    },
  )
    .argument('<file>', 'a bundle (.car) or a package (.zip), or - for standard input')
    .option('--json', 'print the report as JSON')
}

async function readText(path: string): Promise<string> {
  return (await readInput(path)).toString('utf8')
}

export async function readInput(path: string): Promise<Buffer> {
  try {
    return path === '-' ? await readStandardInput() : await readFile(path)
  } catch (cause) {
    throw new HanseError(
      'HANSE_REQUEST_INVALID',
      `cannot read ${path}: ${cause instanceof Error ? cause.message : ''}`,
      { cause },
    )
  }
}

export async function readBundle(path: string): Promise<Uint8Array> {
  const bytes = await readInput(path)
  if (bytes.byteLength > BUNDLE_BYTES_MAX)
    throw new HanseError('HANSE_REQUEST_TOO_LARGE', `${path} is no bundle`)
  return new Uint8Array(bytes)
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function print({ verified, checks, summary }: BundleReport): void {
  const width = Math.max(...checks.map(({ id }) => id.length))
  for (const { id, status, detail } of checks) {
    console.log(`${paint(COLOURS[status], MARKS[status])} ${id.padEnd(width)}  ${detail}`)
  }
  if (!verified || summary === undefined) {
    console.log(paint('red', '\nNOT VERIFIED'))
    return
  }
  const { model, outputTokens, inputTokens, amount, country } = summary
  console.log(
    `\n${paint('green', 'VERIFIED')} ${model} in ${country}: ${inputTokens} + ${outputTokens} tokens for ${formatEuro(picoEuro(amount))}`,
  )
}

function showPackage({ verified, checks, manifest }: PackageReport, isJson: boolean): void {
  if (!verified) process.exitCode = 1
  if (isJson) {
    const { files: _files, ...facts } = manifest ?? { files: [] }
    console.log(JSON.stringify({ verified, checks, manifest: manifest ? facts : null }))
    return
  }
  const width = Math.max(...checks.map(({ path }) => path.length))
  for (const { path, status, detail } of checks) {
    const mark = paint(COLOURS[status], MARKS[status])
    console.log(`${mark} ${clean(path).padEnd(width)}  ${clean(detail)}`)
  }
  const unproved = checks.filter(({ status }) => status === 'unproved').length
  const word = unproved === 0 ? '' : `; ${unproved} rest on the word of whoever signed (?)`
  if (verified) console.log(`\n${paint('green', 'VERIFIED')} ${checks.length} checks${word}`)
  else console.log(paint('red', '\nNOT VERIFIED'))
}
