import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Of what the sides are made of. */
export function versions(): Record<string, string> {
  const here = createRequire(import.meta.url)
  const portkey = createRequire(here.resolve('@portkey-ai/gateway/package.json'))
  const node = createRequire(here.resolve('@hanse/node'))
  return {
    node: process.version,
    '@portkey-ai/gateway': versionOf(here, '@portkey-ai/gateway'),
    hono: versionOf(portkey, 'hono'),
    libp2p: versionOf(node, 'libp2p'),
  }
}

/** Many packages do not export their package.json: it is looked for above what they do export. */
function versionOf(from: NodeJS.Require, name: string): string {
  for (const folder of from.resolve.paths(name) ?? []) {
    try {
      const text = readFileSync(join(folder, name, 'package.json'), 'utf8')
      return (JSON.parse(text) as { version: string }).version
    } catch {
      // not in this one
    }
  }
  throw new Error(`${name} is not installed`)
}
