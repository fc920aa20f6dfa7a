import { HanseError, type OfferedModel, type PicoEuro } from '@hanse/protocol'
import type { Engine, EngineModel, RunnableModel } from '../engine/index.ts'

export interface ModelTerms {
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  readonly slots: number
  readonly maxOutputTokens: number
}

/**
 * Which of an engine's models are offered, by which names. `wanted` entries are `engine-name`, or
 * `publisher/name=engine-name`; all models when it is empty.
 *
 * @returns offered model and the engine's own name for it
 * @throws {HanseError} HANSE_CONFIG_INVALID when the engine lacks one
 */
export function offeredModels(
  available: readonly EngineModel[],
  wanted: readonly string[],
  terms: ModelTerms,
): { readonly model: OfferedModel; readonly engineModel: string }[] {
  return offeredOf(available, wanted, terms).map(({ model, source }) => ({
    model,
    engineModel: source.id,
  }))
}

/**
 * The same of several engines together. A name goes to the first engine that has it, because an offer names each model
 * once; `wanted` chooses among the engines' names in the same order.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when no engine has a wanted one
 */
export function offeredEngineModels(
  available: readonly RunnableModel[],
  wanted: readonly string[],
  terms: ModelTerms,
): { readonly model: OfferedModel; readonly engine: Engine; readonly engineModel: string }[] {
  const sources = available.map(({ engine, model }) => ({ ...model, engine }))
  const seen = new Set<string>()
  return offeredOf(sources, wanted, terms).flatMap(({ model, source }) => {
    if (seen.has(model.id)) return []
    seen.add(model.id)
    return [{ model, engine: source.engine, engineModel: source.id }]
  })
}

function offeredOf<Source extends EngineModel>(
  available: readonly Source[],
  wanted: readonly string[],
  terms: ModelTerms,
): { readonly model: OfferedModel; readonly source: Source }[] {
  const chosen =
    wanted.length === 0
      ? available.map((model) => ({ id: nameOf(model), model }))
      : wanted.map((entry) => choose(entry, available))
  return chosen.map(({ id, model }) => ({
    source: model,
    model: {
      id,
      // Consumers find it by the name they know from the engine, too.
      aliases: model.id === id || model.id.length > 128 ? [] : [model.id],
      digest: model.digest,
      quantization: model.quantization,
      contextLength: model.contextLength,
      capabilities: [...model.capabilities],
      inputPrice: terms.inputPrice,
      outputPrice: terms.outputPrice,
      maxOutputTokens: Math.min(terms.maxOutputTokens, model.contextLength),
      slots: terms.slots,
      freeSlots: terms.slots,
      tokensPerSecond: null,
    },
  }))
}

/** An engine's name in the market's form: lower case, `publisher/name[:quantization]`, each part from a letter or digit. */
export function marketName(engineName: string): string {
  const [path = '', ...tags] = engineName.toLowerCase().split(':')
  const parts = path
    .split('/')
    .map(clean)
    .filter((part) => part !== '')
  const named = parts.length > 1 ? parts : ['local', ...(parts.length === 0 ? ['model'] : parts)]
  const tag = clean(tags.join('-')).slice(0, TAG_MAX)
  const name = named
    .join('/')
    .slice(0, NAME_MAX - TAG_MAX - 1)
    .replace(/\/+$/u, '')
  return tag === '' ? name : `${name}:${tag}`
}

const NAME_MAX = 128
const TAG_MAX = 32

/** Only what a name may hold, and none of the marks that may not begin it. */
function clean(part: string): string {
  return part.replace(/[^a-z0-9._-]+/gu, '-').replace(/^[^a-z0-9]+|-+$/gu, '')
}

function nameOf(model: EngineModel): string {
  return model.marketName ?? marketName(model.id)
}

function choose<Source extends EngineModel>(
  entry: string,
  available: readonly Source[],
): { id: string; model: Source } {
  const at = entry.indexOf('=')
  const engineName = at < 0 ? entry : entry.slice(at + 1)
  const model = available.find(({ id }) => id === engineName)
  if (model === undefined) {
    const names = available.map(({ id }) => id).join(', ')
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `the engine has no model ${engineName}; it has ${names || 'none'}`,
    )
  }
  return { id: at < 0 ? nameOf(model) : entry.slice(0, at), model }
}
