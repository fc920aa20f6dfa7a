import { confirm, isCancel } from '@clack/prompts'
import { HanseError } from '@hanse/protocol'
import type { Command } from 'commander'
import { pullGroup } from '../../config/groups/models.ts'
import { modelsSettings } from '../../config/schemas.ts'
import { clock } from '../../daemon/running.ts'
import {
  gigabytes,
  HuggingFace,
  isRevision,
  kindOfLicence,
  ModelStore,
  type PullPlan,
  parseReference,
  planPull,
  pullModel,
  type StoredModel,
  warningOf,
} from '../../models/index.ts'
import { usage } from '../log-options.ts'
import { paint } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'
import { progressScreen } from './models-progress.ts'
import { ollamaModel, pullIntoOllama } from './models-pull-ollama.ts'

/** As shells report a program that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130
const GIB = 2 ** 30

export function modelsPullCommand(): Command {
  return settingsCommand(
    'pull',
    'Fetch a model from Hugging Face, a URL or a file; goes on with what an earlier run left.',
    { ...modelsSettings, ...pullGroup },
    async (settings, args, flags) => {
      const json = flags.json === true
      const choices = {
        name: optionalText(flags.name),
        revision: optionalText(flags.revision),
        sha256: optionalText(flags.sha256)?.toLowerCase(),
      }
      checkChoices(choices)
      const atOllama = ollamaModel(args[0] ?? '')
      if (atOllama !== undefined) {
        await pullAtOllama(atOllama, json)
        return
      }
      const reference = parseReference(args[0] ?? '', settings.hfUrl)
      const hub = new HuggingFace(settings.hfUrl, settings.hfToken)
      const store = new ModelStore(settings.modelsDir)
      using stop = untilInterrupted()
      try {
        const plan = await planPull(reference, choices, hub, stop.signal)
        const present = await store.find(plan.name)
        if (present !== undefined && isSame(plan, present)) {
          tellDone(present, json, `${present.name} is here already`)
          return
        }
        tellPlan(plan, json)
        if (!(await agreed(plan, flags.yes === true, json))) {
          console.log('nothing was pulled')
          return
        }
        const screen = progressScreen(json, clock)
        try {
          const model = await pullModel(plan, store, {
            hub,
            now: clock,
            signal: stop.signal,
            sizeBytesMax: settings.modelMaxGib * GIB,
            onProgress: (progress) => screen.update(progress),
            onRetry: (why, inMs) => screen.note(`${why}; again in ${(inMs / 1000).toFixed(1)} s`),
          })
          screen.end()
          tellDone(model, json, `stored ${model.name}`)
        } finally {
          screen.end()
        }
      } catch (error) {
        if (!stop.signal.aborted) throw error
        const line = 'stopped; what is there is kept: run the same command again to go on'
        console.log(json ? JSON.stringify({ event: 'stopped' }) : line)
        process.exitCode = EXIT_INTERRUPTED
      }
    },
  )
    .argument(
      '<model>',
      'org/repo[:quantization], org/repo/file.gguf, https://…/file.gguf, the path of a GGUF file, or ollama:name for Ollama’s own store',
    )
    .option('--name <name>', 'keep it under this name')
    .option('--revision <commit>', 'branch, tag or commit of the repository')
    .option('--sha256 <hex>', 'digest that the file must have')
    .option('--yes', 'do not ask, whatever the licence')
    .option('--json', 'print events as JSON lines')
}

async function pullAtOllama(model: string, json: boolean): Promise<void> {
  const screen = progressScreen(json, clock)
  using stop = untilInterrupted()
  try {
    await pullIntoOllama(model, screen, stop.signal)
    screen.end()
    console.log(json ? JSON.stringify({ event: 'pulled', model }) : `Ollama has ${model}`)
  } catch (error) {
    if (!stop.signal.aborted) throw error
    console.log(json ? JSON.stringify({ event: 'stopped' }) : 'stopped; Ollama keeps what is there')
    process.exitCode = EXIT_INTERRUPTED
  } finally {
    screen.end()
  }
}

function checkChoices(choices: {
  readonly name: string | undefined
  readonly revision: string | undefined
  readonly sha256: string | undefined
}): void {
  const { name, revision, sha256 } = choices
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/u.test(sha256))
    throw usage('--sha256 needs 64 hexadecimal digits')
  if (revision !== undefined && !isRevision(revision))
    throw usage('--revision is not a branch, tag or commit')
  if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/u.test(name))
    throw usage('--name may hold letters, digits and . _ : / -')
}

function tellPlan(plan: PullPlan, json: boolean): void {
  const { name, source, revision, licence, sizeBytes, files, gated } = plan
  const kind = kindOfLicence(licence.name)
  const warning = warningOf(kind)
  if (json) {
    const facts = { name, source, revision, licence, licenceKind: kind, gated, sizeBytes }
    console.log(JSON.stringify({ event: 'plan', ...facts, files: files.length }))
    return
  }
  const size = sizeBytes === undefined ? 'of unknown size' : gigabytes(sizeBytes)
  console.log(
    `${paint('bold', name)}  ${size}${files.length > 1 ? ` in ${files.length} files` : ''}`,
  )
  console.log(`from     ${source}`)
  console.log(
    `licence  ${licence.name ?? 'not stated'}${licence.link === null ? '' : `  ${licence.link}`}`,
  )
  if (warning !== undefined) console.log(paint('yellow', `! ${warning}`))
}

/** Asks in a terminal. Elsewhere silence is consent, except to a licence that somebody has to read. */
async function agreed(plan: PullPlan, yes: boolean, json: boolean): Promise<boolean> {
  if (yes) return true
  if (process.stdin.isTTY && process.stdout.isTTY && !json) {
    const answer = await confirm({ message: 'Pull it?' })
    return !isCancel(answer) && answer
  }
  const warning = warningOf(kindOfLicence(plan.licence.name))
  if (warning === undefined) return true
  throw new HanseError(
    'HANSE_REQUEST_INVALID',
    `${plan.name}: licence ${plan.licence.name ?? 'not stated'}. ${warning} To pull it all the same, add --yes`,
  )
}

function tellDone(model: StoredModel, json: boolean, line: string): void {
  if (json) {
    console.log(JSON.stringify({ event: 'done', ...model }))
    return
  }
  const { quantization, contextLength, licence, licenceLink, path, digest } = model
  const facts = [
    quantization,
    contextLength === null ? null : `context ${contextLength}`,
    `licence ${licence ?? 'not stated'}`,
  ]
  console.log(paint('green', line))
  console.log(`  ${facts.filter((fact) => fact !== null).join(', ')}`)
  if (licence !== null && licenceLink !== null) console.log(`  ${licenceLink}`)
  console.log(`  ${digest}\n  ${path}`)
}

function isSame({ files, revision }: PullPlan, model: StoredModel): boolean {
  if (revision !== model.revision || files.length !== model.files.length) return false
  return files.every(({ sha256 }, i) => sha256 !== undefined && sha256 === model.files[i]?.sha256)
}

/** Aborts at Ctrl-C, and when a service manager ends the command. */
function untilInterrupted(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController()
  const stop = (): void => controller.abort(new Error('interrupted'))
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const name of signals) process.once(name, stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, stop)
    },
  }
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
