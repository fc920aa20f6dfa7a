import { readFileSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { SettlementError } from '../errors.ts'
import type { Format } from '../imports/formats/format.ts'
import { FORMAT_NAMES, FORMATS, type FormatName } from '../imports/formats/index.ts'
import { beginsAsJson } from '../imports/table-or-json.ts'
import { toldError } from '../logging/told-error.ts'
import { fileParts } from './file-parts.ts'
import { print } from './operator-call.ts'

/** A part is answered within seconds; what comes after a lost connection is sent once more, and counts once. */
const PART_BYTES = 8 * 1024 * 1024
const ANSWER_MS = 120_000
const TRIES_MAX = 5
const REJECTED_MAX = 100
/** Enough to see whether it begins as JSON does. */
const START_BYTES = 1_024
/** Some lines were not taken: not a failure, but nothing to overlook. */
const EXIT_REJECTED = 2

interface ImportFlags {
  readonly format: FormatName
  readonly service: string
  readonly source?: string
  readonly mapping?: string
  readonly dryRun?: boolean
}

const answerSchema = z.object({
  accepted: z.number(),
  duplicates: z.number(),
  ignored: z.number(),
  rejectedCount: z.number(),
  rejected: z.array(z.object({ line: z.number(), code: z.string(), message: z.string() })),
  stopped: z.object({ line: z.number(), code: z.string(), message: z.string() }).nullable(),
})
type Answer = z.output<typeof answerSchema>

/** `import`: sends a file of usage to the service, as the organization whose key is in the environment. */
export function importCommand(program: Command): void {
  program
    .command('import <file>')
    .description(
      'import usage of elsewhere as the organization of HANSE_ORGANIZATION_KEY (or HANSE_ORGANIZATION_KEY_FILE); ' +
        'exit code 2 when lines were rejected, 1 when it could not be done',
    )
    .addOption(
      new Option('--format <format>', 'what the file is')
        .choices(FORMAT_NAMES)
        .makeOptionMandatory(),
    )
    .option('--service <url>', 'where the service is', 'http://127.0.0.1:8700')
    .option('--source <name>', 'where it is from; the name of the format when not given')
    .option(
      '--mapping <json>',
      'of csv: the column of each field, such as {"at":"Date","provider":"=mistral"}',
    )
    .option('--dry-run', 'only say what would be taken')
    .action(async (file: string, flags: ImportFlags) => {
      try {
        await importFile(file, flags)
      } catch (error) {
        const { code, message } = toldError(error)
        console.error(JSON.stringify({ event: 'error', code, message }))
        process.exitCode = 1
      }
    })
}

async function importFile(file: string, flags: ImportFlags): Promise<void> {
  const key = organizationKey()
  const size = await sizeOf(file)
  const isCsv = await isTable(file, FORMATS[flags.format])
  let all: Answer = {
    accepted: 0,
    duplicates: 0,
    ignored: 0,
    rejectedCount: 0,
    rejected: [],
    stopped: null,
  }
  for await (const { bytes, linesBefore, end } of fileParts(file, { isCsv, bytes: PART_BYTES })) {
    all = joined(all, await send(addressOf(flags), key, bytes), linesBefore)
    showProgress(end, size, all)
    if (all.stopped !== null) break
  }
  if (process.stderr.isTTY) process.stderr.write('\n')
  print(all)
  if (all.rejectedCount > 0) process.exitCode = EXIT_REJECTED
  if (all.stopped !== null) process.exitCode = 1
}

function organizationKey(): string {
  const { HANSE_ORGANIZATION_KEY: key = '', HANSE_ORGANIZATION_KEY_FILE: path = '' } = process.env
  const found = path === '' ? key : readFileSync(path, 'utf8').trim()
  if (found !== '') return found
  throw new SettlementError('HANSE_CONFIG_INVALID', 'HANSE_ORGANIZATION_KEY is not set')
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (cause) {
    throw new SettlementError('HANSE_CONFIG_INVALID', `${file} cannot be read`, { cause })
  }
}

/** Tables may come in either form. */
async function isTable(file: string, format: Format): Promise<boolean> {
  if (format.layout === 'csv') return true
  if (format.isTable !== true) return false
  await using handle = await open(file)
  const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(START_BYTES) })
  const start = buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/u, '')
  return start.trim() !== '' && !beginsAsJson(start)
}

function addressOf({ service, format, source, mapping, dryRun = false }: ImportFlags): URL {
  const url = new URL(`v1/imports/${format}`, service.endsWith('/') ? service : `${service}/`)
  if (source !== undefined) url.searchParams.set('source', source)
  if (mapping !== undefined) url.searchParams.set('mapping', mapping)
  if (dryRun) url.searchParams.set('dryRun', 'true')
  return url
}

/** Tries again what may help: a part counts once, however often it arrives. */
async function send(url: URL, key: string, bytes: Uint8Array): Promise<Answer> {
  const body = gzipSync(bytes)
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/octet-stream',
        'content-encoding': 'gzip',
      },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch((cause: unknown) => {
      throw new SettlementError('HANSE_INTERNAL', `${url.origin}: no answer`, { cause })
    })
    if (response.ok) return answerSchema.parse(await response.json())
    if (attempt === TRIES_MAX || ![429, 503].includes(response.status))
      throw await faultOf(response)
    await sleep(Number(response.headers.get('retry-after') ?? attempt) * 1_000)
  }
}

async function faultOf(response: Response): Promise<SettlementError> {
  const text = await response.text()
  return new SettlementError('HANSE_INTERNAL', `${response.status} ${text.slice(0, 500)}`)
}

function joined(before: Answer, part: Answer, linesBefore: number): Answer {
  const inFile = <Told extends { line: number }>(told: Told): Told => ({
    ...told,
    line: told.line + linesBefore,
  })
  return {
    accepted: before.accepted + part.accepted,
    duplicates: before.duplicates + part.duplicates,
    ignored: before.ignored + part.ignored,
    rejectedCount: before.rejectedCount + part.rejectedCount,
    rejected: [...before.rejected, ...part.rejected.map(inFile)].slice(0, REJECTED_MAX),
    stopped: part.stopped && inFile(part.stopped),
  }
}

function showProgress(end: number, size: number, all: Answer): void {
  if (!process.stderr.isTTY) return
  const percent = size === 0 ? 100 : Math.floor((end / size) * 100)
  const { accepted, duplicates, rejectedCount } = all
  process.stderr.write(
    `\r\u001b[2K${percent} %  ${accepted} accepted, ${duplicates} known, ${rejectedCount} rejected`,
  )
}
