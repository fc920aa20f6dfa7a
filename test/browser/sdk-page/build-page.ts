import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'vite'

export interface BuiltPage {
  readonly script: string
  readonly bytes: number
  readonly gzipBytes: number
}

/** Old packages that ask for Node's modules only where there is no `self.crypto`. */
const GUARDED = /\/node_modules\/tweetnacl\//u

/** Bundles a page as for a browser, and fails where anything asks for a module of Node's. */
export async function buildPage(
  page: string = join(import.meta.dirname, 'page.ts'),
): Promise<BuiltPage> {
  const built = await build({
    root: dirname(page),
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      target: 'es2024',
      rollupOptions: { input: page },
    },
    plugins: [noNodeModules()],
  })
  const outputs = [built].flat().flatMap((bundle) => ('output' in bundle ? bundle.output : []))
  const [chunk, ...more] = outputs.filter((output) => output.type === 'chunk')
  if (chunk === undefined || more.length > 0) throw new Error('the page is not one script')
  const { code } = chunk
  const gzipBytes = gzipSync(code).byteLength
  return { script: code, bytes: Buffer.byteLength(code), gzipBytes }
}

function noNodeModules(): Plugin {
  return {
    name: 'no-node-modules',
    // Before Vite puts an empty module in the place of one that browsers lack.
    enforce: 'pre',
    resolveId: (id, importer = '') => {
      if (isBuiltin(id) && !GUARDED.test(importer)) throw new Error(`${importer} imports ${id}`)
    },
  }
}
