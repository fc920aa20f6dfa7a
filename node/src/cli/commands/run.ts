import { formatEuro, HanseError, type PicoEuro } from '@hanse/protocol'
import type { Command } from 'commander'
import { batchSettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { BatchFile } from '../batch/batch-file.ts'
import { BatchProgress } from '../batch/batch-progress.ts'
import { beginningOf, ResultsFile } from '../batch/results-file.ts'
import { type BatchEnd, runBatch } from '../batch/run-batch.ts'
import { spentOn } from '../batch/spent-on.ts'
import { Tally } from '../batch/tally.ts'
import { addPolicyOptions, policyHeaders } from '../chat/policy-options.ts'
import { usage } from '../log-options.ts'
import { EXIT_INTERRUPTED, paint } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'
import { clean } from '../terminal-text.ts'

type Flags = Readonly<Record<string, unknown>>

const now = (): number => performance.now()

export function runCommand(): Command {
  const command = settingsCommand(
    'run',
    'Run a batch of requests; one that was interrupted goes on where it stopped.',
    batchSettings,
    async (settings, _args, flags) => {
      const ending = await run(settings, flags)
      const { end, tally } = ending
      if (flags.json === true) tellJson(ending)
      else tell(ending)
      if (end === 'stopped') process.exitCode = EXIT_INTERRUPTED
      else if (end === 'spent' || tally.failed > 0) process.exitCode = 1
      if (end instanceof HanseError) throw end
    },
  )
    .requiredOption(
      '-f, --file <jsonl>',
      'requests, a line each, as OpenAI’s Batch API has them, or just their bodies; - for standard input',
    )
    .option('-o, --output <jsonl>', 'results (default: beside the file, as NAME.results.jsonl)')
    .option('--fresh', 'overwrite results that are there, and ask everything again')
    .option('--model <model>', 'for requests that name none')
    .option('--json', 'print the summary as JSON')
  return addPolicyOptions(command)
}

interface Ending {
  readonly tally: Tally
  /** Answers that were there before. */
  readonly before: number
  readonly output: string
  readonly tag: string
  readonly end: BatchEnd
  readonly maxCost: PicoEuro | undefined
}

async function run(settings: Settings<typeof batchSettings>, flags: Flags): Promise<Ending> {
  const path = String(flags.file)
  const output = outputOf(path, flags.output)
  const wishes = policyHeaders(flags)
  await using file = await BatchFile.open(path, textOf(flags.model))
  const tally = new Tally(file.ids.size)
  await using results = await ResultsFile.open(output, {
    fresh: flags.fresh === true,
    onAnswer: (id, body) => {
      if (file.ids.has(id)) tally.answered(body)
    },
  })
  const before = tally.done
  // So that the gateway can tell what the batch cost, with all that never came back.
  const tag = `run:${results.batch}`
  const spent = async () => await spentOn(settings, tag, beginningOf(results.batch))
  tally.settle(await spent())
  const progress = new BatchProgress(tally, now)
  using stop = stopping(() => progress.note('finishing what runs; Ctrl-C again cancels it'))
  const end = await runBatch(file.requests(), results, tally, {
    ...settings,
    access: settings,
    headers: { ...wishes, 'x-hanse-tags': [wishes['x-hanse-tags'] ?? [], tag].flat().join() },
    ...stop,
    onProgress: () => progress.update(),
  })
  progress.end()
  tally.settle(await spent())
  return { tally, before, output, tag, end, maxCost: settings.maxCost }
}

interface Stopping extends Disposable {
  readonly stop: AbortSignal
  readonly cancel: AbortSignal
}

/** The first Ctrl-C sends nothing more, the second cancels what runs, and the third is nobody's here. */
function stopping(onStop: () => void): Stopping {
  const stop = new AbortController()
  const cancel = new AbortController()
  const onSignal = (): void => {
    if (stop.signal.aborted) {
      cancel.abort()
      process.off('SIGINT', onSignal)
      return
    }
    stop.abort()
    onStop()
  }
  process.on('SIGINT', onSignal)
  return {
    stop: stop.signal,
    cancel: cancel.signal,
    [Symbol.dispose]: () => process.off('SIGINT', onSignal),
  }
}

function tellJson({ tally, before, output, tag, end }: Ending): void {
  const { total, done, failed, inputTokens, outputTokens, cost, cut } = tally
  const facts = {
    end: end instanceof HanseError ? 'refused' : end,
    total,
    done,
    failed,
    before,
    inputTokens,
    outputTokens,
    costPicoEuro: String(cost),
    cutPicoEuro: String(cut),
    failures: Object.fromEntries([...tally.failures].map(([code, { count }]) => [code, count])),
    tag,
    output,
  }
  console.log(JSON.stringify(facts))
}

function tell({ tally, before, output, end, maxCost }: Ending): void {
  const { total, done, failed, failures, inputTokens, outputTokens, cost, cut } = tally
  const again = before === 0 ? '' : ` (${before} from before)`
  console.log(
    `${done} of ${total} answered${again}, ${failed} failed; ${inputTokens} + ${outputTokens} tokens for ${formatEuro(cost)}`,
  )
  if (cut > 0n) console.log(`${formatEuro(cut)} of it for attempts that were cut or failed`)
  for (const [code, { message, count }] of failures)
    console.log(`  ${count} ${code}: ${clean(message)}`)
  console.log(`results: ${output}`)
  const advice = adviceFor(end, failed, maxCost)
  if (advice !== undefined) console.log(paint('yellow', advice))
}

function adviceFor(
  end: BatchEnd,
  failed: number,
  maxCost: PicoEuro | undefined,
): string | undefined {
  if (end === 'stopped' || end instanceof HanseError) return 'interrupted: run it again to go on'
  if (end === 'spent' && maxCost !== undefined)
    return `stopped at --max-cost ${formatEuro(maxCost)}: raise it to go on`
  return failed > 0 ? 'run it again to ask the failed ones again' : undefined
}

function outputOf(path: string, given: unknown): string {
  if (typeof given === 'string') return given
  if (path === '-') throw usage('--output: name a file for the results')
  return `${path.replace(/\.jsonl$/u, '')}.results.jsonl`
}

function textOf(flag: unknown): string | undefined {
  return typeof flag === 'string' ? flag : undefined
}
