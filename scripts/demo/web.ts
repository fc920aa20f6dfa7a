import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const WEB = fileURLToPath(new URL('../../marketplace-web/', import.meta.url))
export const WEB_SERVER = join(WEB, 'server/serve.ts')
export const WEB_BUILD = join(WEB, 'build')

/** Builds the website when it was never built, or its sources are newer. */
export async function buildWeb(onProgress: (line: string) => void): Promise<void> {
  const built = join(WEB_BUILD, 'index.html')
  const sources = ['src', 'static', 'package.json', 'vite.config.ts'].map((name) => join(WEB, name))
  if (existsSync(built) && newest(sources) < statSync(built).mtimeMs) return
  onProgress('web: building the site, once…')
  const vite = join(WEB, '../node_modules/vite/bin/vite.js')
  const child = spawn(process.execPath, [vite, 'build', '--logLevel', 'error'], {
    cwd: WEB,
    // A test runner calls its environment a test, and would have another site built than visitors get.
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data.toString()
    })
  }
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`the site does not build:\n${output}`)
}

function newest(paths: readonly string[]): number {
  return Math.max(0, ...paths.map((path) => (existsSync(path) ? newestIn(path) : 0)))
}

function newestIn(path: string): number {
  const facts = statSync(path)
  if (!facts.isDirectory()) return facts.mtimeMs
  return newest(readdirSync(path).map((name) => join(path, name)))
}
