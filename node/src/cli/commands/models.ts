import { Command } from 'commander'
import { modelsSettings } from '../../config/schemas.ts'
import { gigabytes, ModelStore, type StoredModel } from '../../models/index.ts'
import { paint, table } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'
import { modelsPullCommand } from './models-pull.ts'

export function modelsCommand(): Command {
  const command = new Command('models')
    .description('Pull, list, check and remove the models of the built-in engine.')
    .showHelpAfterError('(add --help for usage)')
  for (const sub of [
    modelsPullCommand(),
    modelsListCommand(),
    modelsVerifyCommand(),
    modelsRemoveCommand(),
  ]) {
    command.addCommand(sub.exitOverride().showHelpAfterError('(add --help for usage)'))
  }
  return command
}

function modelsListCommand(): Command {
  return settingsCommand(
    'list',
    'List the models that are stored here.',
    modelsSettings,
    async ({ modelsDir }, _args, flags) => {
      const { models, unfinished, problems } = await new ModelStore(modelsDir).list()
      if (flags.json === true) {
        console.log(JSON.stringify({ models, unfinished, problems }))
        return
      }
      if (models.length + unfinished.length + problems.length === 0) {
        console.log(`No models in ${modelsDir}. To get one: hanse models pull <org/repo>`)
        return
      }
      if (models.length > 0) {
        const head = ['NAME', 'SIZE', 'QUANT', 'CONTEXT', 'LICENCE', 'SOURCE']
        console.log(table([head, ...models.map(cells)]))
      }
      for (const { name, doneBytes, totalBytes } of unfinished) {
        const of = totalBytes === null ? '' : ` of ${gigabytes(totalBytes)}`
        console.log(
          paint(
            'yellow',
            `unfinished: ${name}, ${gigabytes(doneBytes)}${of}; pull it again to go on`,
          ),
        )
      }
      for (const { path, reason } of problems)
        console.log(paint('red', `cannot be used: ${path}: ${reason}`))
    },
  ).option('--json', 'print as JSON')
}

function modelsVerifyCommand(): Command {
  return settingsCommand(
    'verify',
    'Hash stored models again and compare; all of them when none is named.',
    modelsSettings,
    async ({ modelsDir }, args, flags) => {
      const store = new ModelStore(modelsDir)
      const { models, problems } = await store.list()
      const names = args.length > 0 ? args : models.map(({ name }) => name)
      const results: Record<string, unknown>[] = []
      for (const name of names) {
        const result = await verifyOne(store, name, flags.json !== true)
        results.push(result)
      }
      if (args.length === 0) {
        for (const { path, reason } of problems)
          results.push({ name: path, ok: false, code: 'HANSE_MODEL_FILE', message: reason })
      }
      if (flags.json === true) console.log(JSON.stringify(results))
      else for (const result of results) console.log(lineOf(result))
      if (results.some(({ ok }) => ok !== true)) process.exitCode = 1
      if (results.length === 0 && flags.json !== true) console.log(`No models in ${modelsDir}.`)
    },
  )
    .argument('[name...]', 'as `hanse models list` shows it')
    .option('--json', 'print as JSON')
}

async function verifyOne(
  store: ModelStore,
  name: string,
  show: boolean,
): Promise<Record<string, unknown>> {
  const { stdout } = process
  const isTerminal = show && stdout.isTTY
  let percent = -1
  try {
    const { digest } = await store.verify(name, (done, total) => {
      const now = Math.floor((done / total) * 100)
      if (isTerminal && now !== percent) stdout.write(`\r\u001b[2K${now}%  ${name}`)
      percent = now
    })
    return { name, ok: true, digest }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const code = 'code' in error ? String(error.code) : undefined
    return { name, ok: false, code, message: error.message }
  } finally {
    if (isTerminal) stdout.write('\r\u001b[2K')
  }
}

function lineOf({ name, ok, digest, code, message }: Record<string, unknown>): string {
  return ok === true
    ? `${paint('green', '✓')} ${String(name)}  ${String(digest)}`
    : `${paint('red', '✗')} ${String(name)}  ${String(message)} (${String(code)})`
}

function modelsRemoveCommand(): Command {
  return settingsCommand(
    'rm',
    'Remove stored models, or what a stopped pull has left of them.',
    modelsSettings,
    async ({ modelsDir }, args) => {
      const store = new ModelStore(modelsDir)
      for (const name of args) {
        const bytes = await store.remove(name)
        console.log(`removed ${name}: ${gigabytes(bytes)} are free`)
      }
    },
  ).argument('<name...>', 'as `hanse models list` shows it')
}

function cells(model: StoredModel): string[] {
  const { name, sizeBytes, quantization, contextLength, licence } = model
  return [
    name,
    gigabytes(sizeBytes),
    quantization ?? '?',
    contextLength === null ? '?' : String(contextLength),
    licence ?? 'not stated',
    shortSource(model),
  ]
}

/** Such as `huggingface.co/org/repo@1a2b3c4`: the whole URL is in the JSON. */
function shortSource({ source, revision }: StoredModel): string {
  const short = source.replace(/^https?:\/\//u, '')
  return revision === null
    ? short
    : short.replace(/\/resolve\/[^/]+\/.*$/u, `@${revision.slice(0, 7)}`)
}
