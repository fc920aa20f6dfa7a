import { type JsonObject, stringIn } from '../json.ts'

/** Who publishes the weights of a family, by the name that its GGUF metadata gives it. */
const PUBLISHERS: readonly (readonly [RegExp, string])[] = [
  [/^(meta-)?llama/u, 'meta-llama'],
  [/^(qwen|qwq)/u, 'qwen'],
  [/^(mistral|mixtral|ministral|codestral|devstral|magistral)/u, 'mistralai'],
  [/^gemma/u, 'google'],
  [/^phi/u, 'microsoft'],
  [/^deepseek/u, 'deepseek-ai'],
  [/^granite/u, 'ibm-granite'],
  [/^smollm/u, 'huggingfacetb'],
]

/**
 * The name under which a model's publisher has it, such as `meta-llama/llama-3.2-3b-instruct:q4_k_m`, so that one model
 * has one name on the market whatever runs it.
 *
 * Only for Ollama's own library, and only where name and metadata agree: a model that somebody made of another one keeps
 * its metadata, and is not that model.
 *
 * @returns `undefined` when there is any doubt
 */
export function canonicalName(
  id: string,
  info: JsonObject,
  quantization: string | null,
): string | undefined {
  const basename = kebab(stringIn(info, 'general.basename'))
  const size = kebab(stringIn(info, 'general.size_label'))
  const finetune = kebab(stringIn(info, 'general.finetune'))
  const publisher = PUBLISHERS.find(([family]) => family.test(basename))?.[1]
  const [library = '', tag = ''] = id.split(':')
  if (publisher === undefined || size === '' || quantization === null) return undefined
  if (plain(library) !== plain(basename)) return undefined
  // `latest` may be any size; else the tag begins with it.
  if (tag !== 'latest' && !plain(tag).startsWith(plain(size))) return undefined
  const name = [basename, size, finetune].filter((part) => part !== '').join('-')
  return `${publisher}/${name}:${quantization.toLowerCase()}`
}

function kebab(text = ''): string {
  return text.toLowerCase().replace(/[^a-z0-9.]+/gu, '-')
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/gu, '')
}
