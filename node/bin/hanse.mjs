#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still say what it needs.
import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** They run for long, and hold little. */
const DAEMONS = ['provider', 'gateway', 'relay']
const MEMORY_FLAGS = ['--max-semi-space-size=16', '--heap-growing-percent=50']

const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(`hanse needs Node 24 or newer; this is ${process.version}.`)
  process.exit(1)
}
startSmall()
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

/**
 * V8 lets the space for new objects grow to 64 MiB where many streams pass at once, and what is old to four times what lives:
 * several times what a daemon holds. Only flags at the start of a process set a bound, so this one starts once more in place.
 */
function startSmall() {
  const { execPath, execArgv, argv, env, platform } = process
  if (!DAEMONS.includes(argv[2] ?? '') || platform === 'win32') return
  // Where the user, or the first start, has set it.
  if (execArgv.some((flag) => flag.startsWith('--max-semi-space-size'))) return
  process.execve?.(execPath, [execPath, ...MEMORY_FLAGS, ...execArgv, ...argv.slice(1)], env)
}
