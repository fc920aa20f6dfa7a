import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { bundlesFile } from './vectors/bundles.ts'
import { cborFile } from './vectors/cbor.ts'
import { commitmentsFile } from './vectors/commitments.ts'
import { discoveryFile } from './vectors/discovery.ts'
import { framesFile } from './vectors/frames.ts'
import type { VectorFile } from './vectors/json.ts'
import { ed25519File, keysFile } from './vectors/keys.ts'
import { limitsFile } from './vectors/limits.ts'
import { merkleFile } from './vectors/merkle.ts'
import { notesFile } from './vectors/notes.ts'
import { proofsFile } from './vectors/proofs.ts'
import { recordsFile } from './vectors/records.ts'
import { schemasFile } from './vectors/schemas.ts'
import { settlementsFile } from './vectors/settlements.ts'
import { signaturesFile } from './vectors/signatures.ts'
import { statementsFile } from './vectors/statements.ts'
import { tilesFile } from './vectors/tiles.ts'

// `node scripts/vectors.ts` writes the test vectors, from fixed seeds and times; with --check it fails when one is stale.

const FOLDER = fileURLToPath(new URL('../test/vectors/', import.meta.url))

const FILES: Readonly<Record<string, () => VectorFile | Promise<VectorFile>>> = {
  'bundles.json': bundlesFile,
  'cbor.json': cborFile,
  'commitments.json': commitmentsFile,
  'discovery.json': discoveryFile,
  'ed25519.json': ed25519File,
  'frames.json': framesFile,
  'keys.json': keysFile,
  'limits.json': limitsFile,
  'merkle.json': merkleFile,
  'notes.json': notesFile,
  'proofs.json': proofsFile,
  'records.json': recordsFile,
  'schemas.json': schemasFile,
  'settlements.json': settlementsFile,
  'signatures.json': signaturesFile,
  'statements.json': statementsFile,
  'tiles.json': tilesFile,
}

async function main(check: boolean): Promise<void> {
  for (const [name, make] of Object.entries(FILES)) {
    const wanted = `${JSON.stringify(await make(), null, 1)}\n`
    const found = await readFile(FOLDER + name, 'utf8').catch(() => undefined)
    if (found === wanted) continue
    if (check) stale(name, found === undefined ? 'missing' : 'stale')
    else await write(name, wanted)
  }
  for (const name of await readdir(FOLDER)) {
    if (!name.endsWith('.json') || Object.hasOwn(FILES, name)) continue
    if (check) stale(name, 'not written by anything')
    else await rm(FOLDER + name)
  }
}

function stale(name: string, state: string): void {
  console.error(`test/vectors/${name} is ${state}: run \`node scripts/vectors.ts\` and commit it.`)
  process.exitCode = 1
}

async function write(name: string, text: string): Promise<void> {
  await writeFile(FOLDER + name, text)
  console.log(`wrote test/vectors/${name}`)
}

if (import.meta.main) await main(process.argv.includes('--check'))
