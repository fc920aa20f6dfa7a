import { formatEuro, HanseError, type PicoEuro } from '@hanse/protocol'
import type { Command } from 'commander'
import { batchSettings } from '../../config/schemas.ts'
import { readBatch } from '../batch/batch-file.ts'
import { BatchProgress } from '../batch/batch-progress.ts'
import { ResultsFile } from '../batch/results-file.ts'
import { runBatch } from '../batch/run-batch.ts'
import { Tally } from '../batch/tally.ts'
import { addPolicyOptions, policyHeaders } from '../chat/policy-options.ts'
import { paint } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

const now = (): number => performance.now()
/** As shells have it for a program that was interrupted. */
const EXIT_INTERRUPTED = 130

export function runCommand(): Command {
  const command = settingsCommand(
    'run',
    'Run a batch of requests through the gateway; one that was interrupted goes on where it stopped.',
    batchSettings,
    async (settings, _args, flags) => {
      const { concurrency, attempts, maxCost } = settings
      const path = String(flags.file)
      const output = outputOf(path, flags.output)
      const model = typeof flags.model === 'string' ? flags.model : undefined
      const requests = await readBatch(path, model)
      await using results = await ResultsFile.open(output, { fresh: flags.fresh === true })
      const tally = new Tally(requests.length)
      for (const { id } of requests) if (results.done.has(id)) tally.answered(results.done.get(id))
      const before = tally.done
      const stop = new AbortController()
      process.once('SIGINT', () => {
        stop.abort()
        process.once('SIGINT', () => process.exit(EXIT_INTERRUPTED))
      })
      const progress = new BatchProgress(tally, now)
      const end = await runBatch(requests, results, tally, {
        access: settings,
        concurrency,
        attempts,
        maxCost,
        headers: policyHeaders(flags),
        signal: stop.signal,
        onProgress: () => progress.update(),
      })
      progress.end()
      tell({ tally, before, output, end, maxCost }, flags.json === true)
      if (end === 'stopped') process.exitCode = EXIT_INTERRUPTED
      else if (end === 'spent' || tally.failed > 0) process.exitCode = 1
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
  readonly before: number
  readonly output: string
  readonly end: 'finished' | 'stopped' | 'spent'
  readonly maxCost: PicoEuro | undefined
}

function tell({ tally, before, output, end, maxCost }: Ending, json: boolean): void {
  const { total, done, failed, inputTokens, outputTokens, cost } = tally
  if (json) {
    const facts = { end, total, done, failed, before, inputTokens, outputTokens }
    console.log(JSON.stringify({ ...facts, costPicoEuro: cost.toString(), output }))
    return
  }
  const again = before === 0 ? '' : ` (${before} from before)`
  console.log(
    `${done} of ${total} answered${again}, ${failed} failed; ${inputTokens} + ${outputTokens} tokens for ${formatEuro(cost)}`,
  )
  console.log(`results: ${output}`)
  if (end === 'stopped') console.log(paint('yellow', 'interrupted: run it again to go on'))
  if (end === 'spent' && maxCost !== undefined)
    console.log(paint('yellow', `stopped at --max-cost ${formatEuro(maxCost)}: raise it to go on`))
  if (end === 'finished' && failed > 0)
    console.log(paint('yellow', 'run it again to ask the failed ones again'))
}

function outputOf(path: string, given: unknown): string {
  if (typeof given === 'string') return given
  if (path === '-')
    throw new HanseError('HANSE_CONFIG_INVALID', '--output: name a file for the results')
  return `${path.replace(/\.jsonl$/u, '')}.results.jsonl`
}
