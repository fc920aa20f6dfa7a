import { type OfferedModel, type Prices, picoEuro } from '@hanse/protocol'
import type { EngineModel, RunnableModel } from '../engine/index.ts'
import { offeredEngineModels } from '../provider/model-names.ts'
import type { Suggestion } from '../provider/pricing/index.ts'
import type { ModelOnOffer } from '../provider/provider.ts'

export interface OfferSettings {
  readonly models: readonly string[]
  readonly inputPrice: Prices['inputPrice'] | undefined
  readonly outputPrice: Prices['outputPrice'] | undefined
  readonly slots: number
  readonly maxOutputTokens: number
}

/** A model on offer, and where its price comes from. */
export interface PricedModel extends ModelOnOffer {
  readonly why: string
}

/**
 * What is put on offer of what the engines have.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when no engine has a wanted model
 */
export function modelsOnOffer(
  available: readonly RunnableModel[],
  settings: OfferSettings,
  suggest: (model: OfferedModel, source: EngineModel | undefined) => Suggestion,
): PricedModel[] {
  const { inputPrice, outputPrice, models, slots, maxOutputTokens } = settings
  const free = { inputPrice: picoEuro(0n), outputPrice: picoEuro(0n), slots, maxOutputTokens }
  return offeredEngineModels(available, models, free).map(({ model, engine, engineModel }) => {
    const source = available.find(
      (each) => each.engine === engine && each.model.id === engineModel,
    )?.model
    const suggestion = suggest(model, source)
    const { digest } = model
    return {
      engine,
      engineModel,
      model: {
        ...model,
        // An engine that makes fewer answers at once would keep the rest waiting behind our back.
        slots: Math.min(slots, source?.slots ?? slots),
        freeSlots: Math.min(slots, source?.slots ?? slots),
        inputPrice: inputPrice ?? suggestion.inputPrice,
        outputPrice: outputPrice ?? suggestion.outputPrice,
      },
      why:
        inputPrice === undefined || outputPrice === undefined ? suggestion.reason : 'as you set it',
      reproducible:
        source?.reproducible == null || digest === null
          ? undefined
          : { engine: source.reproducible, digest },
    }
  })
}
