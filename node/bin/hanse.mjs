#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still say what it needs.
import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(`hanse needs Node 24 or newer; this is ${process.version}.`)
  process.exit(1)
}
keepCompiled()
const { main } = await import('../src/cli/main.ts')
await main(process.argv)

/**
 * What was compiled is kept for the next start, which then takes half the time; workers have it from the environment. In
 * the user's own folder: in one of /tmp, Node's default, others could put code. Where it cannot be written nothing is kept.
 */
function keepCompiled() {
  const { NODE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env
  try {
    const cache = XDG_CACHE_HOME ?? join(homedir(), '.cache')
    process.env.NODE_COMPILE_CACHE = NODE_COMPILE_CACHE ?? join(cache, 'hanse', 'compiled')
    module.enableCompileCache(process.env.NODE_COMPILE_CACHE)
  } catch {
    // A user without a home, as in some containers.
  }
}
