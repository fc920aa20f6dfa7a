import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openApiDocument } from '@hanse/settlement'
import { generatedFiles } from './generated-files.ts'

// `npm run client` writes what follows from the document of settlement's API; `npm run check` runs this with --check and fails
// when a file is stale.

const SOURCE = new URL('../src/', import.meta.url)

const files = await generatedFiles(await openApiDocument())
const stale: string[] = []
for (const [name, text] of Object.entries(files)) {
  const path = fileURLToPath(new URL(name, SOURCE))
  if ((await readFile(path, 'utf8').catch(() => '')) === text) continue
  if (process.argv.includes('--check')) stale.push(name)
  else await writeFile(path, text)
}
if (stale.length > 0) {
  console.error(
    `client/src: ${stale.join(', ')} stale; run \`npm run client\` and commit the result`,
  )
  process.exitCode = 1
}
