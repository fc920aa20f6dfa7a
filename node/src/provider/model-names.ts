import { HanseError, type OfferedModel, type PicoEuro } from '@hanse/protocol'
import type { EngineModel } from '../engine/index.ts'

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
  const chosen =
    wanted.length === 0
      ? available.map((model) => ({ id: marketName(model.id), model }))
      : wanted.map((entry) => choose(entry, available))
  return chosen.map(({ id, model }) => ({
    engineModel: model.id,
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

/** An engine's name in the market's form: lower case, `publisher/name[:quantization]`. */
export function marketName(engineName: string): string {
  const clean = engineName.toLowerCase().replace(/[^a-z0-9._:/-]+/gu, '-')
  const [path = '', ...tags] = clean.split(':')
  const parts = path.split('/').filter((part) => /^[a-z0-9]/u.test(part))
  const named = parts.length > 1 ? parts : ['local', ...(parts.length === 0 ? ['model'] : parts)]
  const tag = tags.join('-').replace(/^[^a-z0-9]+/u, '')
  return (named.join('/') + (tag === '' ? '' : `:${tag}`)).slice(0, 128)
}

function choose(
  entry: string,
  available: readonly EngineModel[],
): { id: string; model: EngineModel } {
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
  return { id: at < 0 ? marketName(engineName) : entry.slice(0, at), model }
}
