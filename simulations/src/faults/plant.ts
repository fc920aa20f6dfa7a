import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import type { Mutation } from './mutations.ts'

/** The repository. */
const ROOT = new URL('../../../', import.meta.url)

/** Plants a bug in a source file of this process, before that file is loaded. @throws {Error} when it does not fit any more */
export function plant({ name, file, find, replace }: Mutation): void {
  const target = new URL(file, ROOT)
  const parts = readFileSync(target, 'utf8').split(find)
  if (parts.length !== 2) {
    throw new Error(`${name} is stale: its fragment occurs ${parts.length - 1} times in ${file}`)
  }
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      return url === target.href ? { ...loaded, source: parts.join(replace) } : loaded
    },
  })
}
