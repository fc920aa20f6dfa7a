import type { Sort } from '../request.ts'

/** What the owner of a node calls models: each name stands for one, and for others when nobody serves that. */
export type ModelAliases = ReadonlyMap<string, readonly string[]>

/** As OpenRouter has them. */
const SUFFIXES: readonly (readonly [suffix: string, sort: Sort])[] = [
  [':nitro', 'throughput'],
  [':floor', 'price'],
]

/** Names that stand for names that stand for …: longer than anyone means it. */
const MODELS_MAX = 16

/** `name=model,fallback,…`, one after the other. @throws {Error} what is wrong with it */
export function parseAliases(text: string): ModelAliases {
  const aliases = new Map<string, string[]>()
  let current: string[] | undefined
  const items = text.split(',').map((item) => item.trim())
  for (const item of items.filter((each) => each !== '')) {
    const at = item.indexOf('=')
    const model = item.slice(at + 1).trim()
    if (at >= 0) {
      const name = item.slice(0, at).trim()
      if (name === '' || aliases.has(name))
        throw new Error(`${item}: a name stands for models once`)
      current = []
      aliases.set(name, current)
    }
    if (current === undefined || model === '')
      throw new Error(`${item} is not an alias such as small=publisher/model,publisher/fallback`)
    current.push(model)
  }
  return aliases
}

/** What a name without one of the shortcuts is, and what the shortcut asks for. */
export function shortcutOf(
  name: string,
): { readonly model: string; readonly sort: Sort } | undefined {
  const found = SUFFIXES.find(([suffix]) => name.endsWith(suffix) && name.length > suffix.length)
  return found && { model: name.slice(0, -found[0].length), sort: found[1] }
}

/** The models to try for what was asked for, in this order: of aliases first their model, then its fallbacks. */
export function modelsOf(names: readonly string[], aliases: ModelAliases): readonly string[] {
  const models = names.flatMap((name) => aliases.get(name) ?? [name])
  return [...new Set(models)].slice(0, MODELS_MAX)
}

/** A model to ask for. */
export interface ModelChoice {
  readonly model: string
  /** What counts most for it, where a shortcut says so. */
  readonly sort?: Sort
}

/** What the names in a request mean, in the order that they are to be tried. */
export async function modelChoices(
  names: readonly string[],
  aliases: ModelAliases,
  isOffered: (name: string) => Promise<boolean>,
): Promise<readonly ModelChoice[]> {
  const models = modelsOf(names, aliases)
  return (await Promise.all(models.map((name) => choicesOf(name, aliases, isOffered)))).flat()
}

/** A shortcut is one unless an offer has just this id. */
async function choicesOf(
  name: string,
  aliases: ModelAliases,
  isOffered: (name: string) => Promise<boolean>,
): Promise<readonly ModelChoice[]> {
  const shortcut = shortcutOf(name)
  if (shortcut === undefined || (await isOffered(name))) return [{ model: name }]
  const { sort } = shortcut
  return modelsOf([shortcut.model], aliases).map((model) => ({ model, sort }))
}
