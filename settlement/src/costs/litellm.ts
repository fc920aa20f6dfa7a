import { z } from 'zod'
import type { RateCard } from './card-format.ts'

/**
 * LiteLLM's list of prices (`model_prices_and_context_window.json`), read by `parseExactJson`: dollars for one unit. What
 * its fields are called here.
 */
const FIELDS: Readonly<Record<string, string>> = {
  input_cost_per_token: 'input',
  output_cost_per_token: 'output',
  cache_read_input_token_cost: 'cached_input',
  cache_creation_input_token_cost: 'cache_write_5m',
  cache_creation_input_token_cost_above_1hr: 'cache_write_1h',
  output_cost_per_reasoning_token: 'reasoning',
  input_cost_per_audio_token: 'audio_input',
  output_cost_per_audio_token: 'audio_output',
  input_cost_per_image: 'input_image',
  output_cost_per_image: 'image',
  input_cost_per_second: 'input_second',
  output_cost_per_second: 'second',
  input_cost_per_query: 'request',
  input_cost_per_request: 'request',
}
const BATCH = '_batches'
/** Such as `input_cost_per_token_above_200k_tokens`. */
const LONG = /^(\w+?)_above_(\d{1,6})k_tokens$/u

const entrySchema = z.record(z.string(), z.unknown())
const listSchema = z.record(z.string(), entrySchema)

export interface LitellmCard {
  readonly models: RateCard['models'] | Record<string, unknown>
  /** Models without any price that is understood. */
  readonly leftOut: readonly string[]
  /** Names of fields with prices that are not understood, such as those of other service tiers. */
  readonly ignored: readonly string[]
}

export function isLitellm(value: unknown): boolean {
  const list = listSchema.safeParse(value)
  if (!list.success) return false
  const entries = Object.values(list.data)
  return (
    entries.length > 0 && entries.every((entry) => 'litellm_provider' in entry || isPriced(entry))
  )
}

/** @param provider only models of this one, as the list names it; all of them when not given */
export function fromLitellm(value: unknown, provider?: string): LitellmCard {
  const models: Record<string, unknown> = {}
  const leftOut: string[] = []
  const ignored = new Set<string>()
  for (const [name, entry] of Object.entries(listSchema.parse(value))) {
    if (name === 'sample_spec') continue
    if (provider !== undefined && entry.litellm_provider !== provider) continue
    const model = toModel(entry, ignored)
    if (model === undefined) leftOut.push(name)
    else models[name] = model
  }
  return { models, leftOut, ignored: [...ignored].toSorted() }
}

function toModel(entry: Record<string, unknown>, ignored: Set<string>): object | undefined {
  const prices: Record<string, string> = {}
  const batch: Record<string, string> = {}
  const long = new Map<string, Record<string, string>>()
  for (const [field, value] of Object.entries(entry)) {
    if (!field.includes('cost') || typeof value !== 'string') continue
    const [, longField = '', thousands = ''] = LONG.exec(field) ?? []
    const [usual, longKind] = [FIELDS[field], FIELDS[longField]]
    const batchKind = field.endsWith(BATCH) ? FIELDS[field.slice(0, -BATCH.length)] : undefined
    if (usual !== undefined) prices[usual] = value
    else if (batchKind !== undefined) batch[batchKind] = value
    else if (longKind !== undefined) {
      long.set(thousands, { ...long.get(thousands), [longKind]: value })
    } else ignored.add(field)
  }
  if (Object.keys(prices).length === 0) return undefined
  const promptTiers = [...long]
    .toSorted(([a], [b]) => Number(a) - Number(b))
    .map(([thousands, of]) => ({ above: `${thousands}000`, prices: known(of, prices) }))
  return {
    per: '1',
    prices,
    billedAs: {
      ...('output' in prices && !('reasoning' in prices) && { reasoning: 'output' }),
      ...('input' in prices && !('cached_input' in prices) && { cached_input: 'input' }),
    },
    promptTiers,
    ...batchOf(known(batch, prices), prices, promptTiers.length > 0),
  }
}

/** Only where every token price has one: the list gives no share for the others. */
function batchOf(
  batch: Record<string, string>,
  prices: Record<string, string>,
  isLong: boolean,
): object {
  const isWhole = ['input', 'output'].every((kind) => !(kind in prices) || kind in batch)
  if (isLong || !isWhole || Object.keys(batch).length === 0) return {}
  return { batch: { multiplier: '1', prices: batch } }
}

const known = (of: Record<string, string>, prices: Record<string, string>) =>
  Object.fromEntries(Object.entries(of).filter(([kind]) => kind in prices))

const isPriced = (entry: Record<string, unknown>) =>
  Object.keys(entry).some((field) => field in FIELDS)
