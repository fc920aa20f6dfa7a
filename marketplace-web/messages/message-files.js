// Reads messages/<locale>.json for paraglide: flat keys, `{name}` for what is put in. Plugins of others are fetched from
// the network at each build; this one is here.
const key = 'hanse.message-files'

// biome-ignore lint/style/noDefaultExport: plugins are found by it
export default {
  key,
  toBeImportedFiles: ({ settings }) =>
    settings.locales.map((locale) => ({ path: `./messages/${locale}.json`, locale })),
  importFiles: ({ files }) => {
    const read = files.map(({ locale, content }) => ({
      locale,
      texts: Object.entries(JSON.parse(new TextDecoder().decode(content))),
    }))
    const all = read.flatMap(({ locale, texts }) =>
      texts.map(([bundleId, text]) => ({ bundleId, locale, parts: patternOf(text) })),
    )
    const inputs = new Map(all.map(({ bundleId }) => [bundleId, new Set()]))
    for (const { bundleId, parts } of all) {
      for (const { type, arg } of parts)
        if (type === 'expression') inputs.get(bundleId)?.add(arg.name)
    }
    return {
      bundles: [...inputs].map(([id, names]) => ({
        id,
        declarations: [...names].map((name) => ({ type: 'input-variable', name })),
      })),
      messages: all.map(({ bundleId, locale }) => ({ bundleId, locale, selectors: [] })),
      variants: all.map(({ bundleId, locale, parts }) => ({
        messageBundleId: bundleId,
        messageLocale: locale,
        matches: [],
        pattern: parts,
      })),
    }
  },
}

/** "Hello {name}" as text and expressions. */
function patternOf(text) {
  return text
    .split(/(\{[a-zA-Z]+\})/u)
    .filter((part) => part !== '')
    .map((part) =>
      /^\{[a-zA-Z]+\}$/u.test(part)
        ? { type: 'expression', arg: { type: 'variable-reference', name: part.slice(1, -1) } }
        : { type: 'text', value: part },
    )
}
