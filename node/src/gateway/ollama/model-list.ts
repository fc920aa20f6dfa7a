import type { KnownOffer, MatchedOffer } from '@hanse/protocol'
import type { JsonObject } from '../../engine/json.ts'

export type Offers = readonly MatchedOffer<KnownOffer>[]

/** Ollama's words for what models can do; a chat is a kind of completion there. */
const CAPABILITIES: Readonly<Record<string, string>> = {
  chat: 'completion',
  completion: 'completion',
  embedding: 'embedding',
  tools: 'tools',
  vision: 'vision',
  reasoning: 'thinking',
}

/** `/api/tags`: the models of the market, each once. */
export function tagsOf(offers: Offers): JsonObject {
  const models = new Map<string, MatchedOffer<KnownOffer>>()
  for (const offer of offers) if (!models.has(offer.model.id)) models.set(offer.model.id, offer)
  return { models: [...models.values()].map(tagOf) }
}

/** `/api/show`; `undefined` when nobody offers it. */
export function showOf(offers: Offers, name: string): JsonObject | undefined {
  const offer = findOffer(offers, name)
  if (offer === undefined) return undefined
  const { model } = offer
  return {
    modelfile: '',
    parameters: '',
    template: '',
    license: '',
    details: detailsOf(offer),
    model_info: {
      'general.architecture': familyOf(model.id),
      'general.basename': model.id,
      [`${familyOf(model.id)}.context_length`]: model.contextLength,
    },
    capabilities: capabilitiesOf(offer),
    modified_at: new Date(offer.known.offer.issuedAt).toISOString(),
  }
}

export function findOffer(offers: Offers, name: string): MatchedOffer<KnownOffer> | undefined {
  const names = namesOf(name)
  return offers.find(({ model }) =>
    names.some((each) => model.id === each || model.aliases.includes(each)),
  )
}

/** `latest` is what Ollama adds to a name without a tag. */
export function namesOf(name: string): string[] {
  return name.endsWith(':latest') ? [name, name.slice(0, -':latest'.length)] : [name]
}

function tagOf(offer: MatchedOffer<KnownOffer>): JsonObject {
  const { model, known } = offer
  return {
    name: model.id,
    model: model.id,
    modified_at: new Date(known.offer.issuedAt).toISOString(),
    // Of weights that lie elsewhere.
    size: 0,
    digest: model.digest?.replace(/^sha256:/u, '') ?? '',
    details: detailsOf(offer),
    capabilities: capabilitiesOf(offer),
  }
}

function detailsOf({ model }: MatchedOffer<KnownOffer>): JsonObject {
  const family = familyOf(model.id)
  return {
    parent_model: '',
    format: 'gguf',
    family,
    families: [family],
    parameter_size:
      /(?:^|[-_])(\d+(?:\.\d+)?[bm])(?:[-_:]|$)/iu.exec(model.id)?.[1]?.toUpperCase() ?? '',
    quantization_level: model.quantization ?? '',
  }
}

function capabilitiesOf({ model }: MatchedOffer<KnownOffer>): string[] {
  const known = model.capabilities.flatMap((capability) => CAPABILITIES[capability] ?? [])
  return known.length === 0 ? ['completion'] : [...new Set(known)]
}

/** Clients choose icons by it. */
function familyOf(id: string): string {
  const name = id.slice(id.lastIndexOf('/') + 1)
  return /^[a-z]+\d*(?:\.\d+)?/u.exec(name)?.[0] ?? name
}
