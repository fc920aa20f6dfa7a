import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

// Portkey's gateway as its own command starts it, without its console; it ends with its parent.
const home = dirname(createRequire(import.meta.url).resolve('@portkey-ai/gateway/package.json'))
const port = await freePort()
process.argv.push(`--port=${port}`, '--headless')
await import(pathToFileURL(join(home, 'build', 'start-server.js')).href)
letHeadersChange()
await untilListening()
console.log(JSON.stringify({ event: 'ready', url: `http://127.0.0.1:${port}/v1` }))
process.stdin.resume().once('end', () => process.exit())
process.once('SIGTERM', () => process.exit())

/**
 * Portkey 1.15 adds headers to the engine's own response, which newer releases of its web server keep immutable, so that every
 * stream is refused (Portkey-AI/gateway#1389). The response gets a copy of the headers, as it did from older releases.
 */
function letHeadersChange(): void {
  const Replaced = globalThis.Response
  globalThis.Response = class extends Replaced {
    constructor(body?: ConstructorParameters<typeof Response>[0], init?: ResponseInit) {
      const { headers, status, statusText } = init ?? {}
      const copied =
        headers instanceof Headers ? { headers: new Headers(headers), status, statusText } : init
      super(body, copied as ResponseInit)
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: free } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return free
}

async function untilListening(): Promise<void> {
  while (true) {
    try {
      await fetch(`http://127.0.0.1:${port}/`)
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
