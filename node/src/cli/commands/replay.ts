import { HanseError, SESSION_SECRET_BYTES, verifyBundle } from '@hanse/protocol'
import type { Command } from 'commander'
import { z } from 'zod'
import { replaySettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { LlamaEngine } from '../../engine/index.ts'
import { findModelFile } from '../../replay/model-file.ts'
import { type ReplayCheck, type ReplayReport, replay } from '../../replay/replay.ts'
import { askGateway } from '../gateway-client.ts'
import { paint } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'
import { readBundle, readInput } from './verify.ts'

const MARKS: Record<ReplayCheck['status'], string> = { ok: '✓', unsure: '?', failed: '✗' }
const COLOURS = { ok: 'green', unsure: 'yellow', failed: 'red' } as const
/** As long as an answer may take at most; Ctrl-C ends it sooner. */
const REPLAY_MS = 3_600_000

type ReplaySettings = Settings<typeof replaySettings>

export function replayCommand(): Command {
  return settingsCommand(
    'replay',
    'Run a session’s request again, and compare each byte with what both sides signed; exit code 1 when it differs.',
    replaySettings,
    async (settings, args, flags) => {
      const report = await runReplay(settings, args[0] ?? '')
      if (flags.json === true) console.log(JSON.stringify(report))
      else print(report, flags.text === true)
      if (!report.reproduced) process.exitCode = 1
    },
  )
    .argument('<bundle>', 'a .car file, or - for standard input')
    .option('--text', 'print the answer too')
    .option('--json', 'print the report as JSON')
}

async function runReplay(settings: ReplaySettings, bundle: string): Promise<ReplayReport> {
  const { network } = settings
  const report = verifyBundle(await readBundle(bundle), network === undefined ? {} : { network })
  const { session } = report
  if (session === undefined) {
    const wrong = report.checks.find(({ status }) => status === 'failed')
    throw new HanseError(
      'HANSE_REPLAY',
      `the bundle does not verify: ${wrong?.id}: ${wrong?.detail}; see \`hanse verify\``,
    )
  }
  const { secret, request } = await findOpening(settings, session.order.cid.toString())
  const { determinism } = session.acceptance.value
  if (determinism === null) {
    throw new HanseError(
      'HANSE_REPLAY',
      'the provider did not promise that this answer can be had again',
    )
  }
  const modelPath = await findModelFile(determinism.digest, settings)
  await using engine = await LlamaEngine.open({
    modelPath,
    modelId: session.model.id,
    slots: 1,
    contextLength: session.model.contextLength,
    ...threadsOf(determinism.engine),
  })
  const [model] = await engine.models()
  if (model === undefined) throw new Error('an engine without a model')
  return await replay({ session, secret, request, engine, model }, AbortSignal.timeout(REPLAY_MS))
}

/** How many threads share the sums decides how they are rounded. */
function threadsOf(engine: string): { threads?: number } {
  const threads = / threads (\d{1,4})$/u.exec(engine)?.[1]
  return threads === undefined ? {} : { threads: Number(threads) }
}

const openingSchema = z.object({
  session: z.string(),
  secret: z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64'))),
  request: z
    .base64()
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
    .nullable(),
})

/** From the files given, else from the gateway that made the session. */
async function findOpening(
  settings: ReplaySettings,
  session: string,
): Promise<{ secret: Uint8Array; request: Uint8Array }> {
  const text =
    settings.opening === undefined
      ? await (await askGateway(settings, `/hanse/v1/openings/${session}`)).text()
      : (await readInput(settings.opening)).toString('utf8')
  const opening = openingSchema.safeParse(parseJson(text))
  if (!opening.success || opening.data.session !== session)
    throw new HanseError('HANSE_REPLAY', 'this is not the opening of the bundle’s session')
  const { secret } = opening.data
  if (secret.byteLength !== SESSION_SECRET_BYTES)
    throw new HanseError('HANSE_REPLAY', 'the opening’s secret has not 32 bytes')
  const request =
    settings.request === undefined
      ? opening.data.request
      : new Uint8Array(await readInput(settings.request))
  if (request === null) {
    throw new HanseError(
      'HANSE_REPLAY',
      'the gateway has not kept the request: give it with --request, or set HANSE_KEEP_REQUESTS=true there for the next ones',
    )
  }
  return { secret, request }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function print({ reproduced, checks, text }: ReplayReport, showText: boolean): void {
  const width = Math.max(...checks.map(({ id }) => id.length))
  for (const { id, status, detail } of checks)
    console.log(`${paint(COLOURS[status], MARKS[status])} ${id.padEnd(width)}  ${detail}`)
  if (showText) console.log(`\n${text.trim()}`)
  console.log(
    reproduced
      ? `\n${paint('green', 'REPRODUCED')} the same request gives the same bytes`
      : paint('red', '\nNOT REPRODUCED'),
  )
}
