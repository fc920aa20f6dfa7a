import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import type { Database } from '../db/database.ts'
import { migrate, migrationNames } from '../db/migrate.ts'
import { openPGlite, type PGliteStore } from '../db/pglite.ts'

// Making a PGlite database takes four seconds of CPU, and its schema another: tests begin with a copy of one that was
// made before. What it is made from is in its name, so a change makes another.

const CACHE = new URL('../../../node_modules/.cache/hanse/', import.meta.url).pathname
const MIGRATIONS = new URL('../../migrations/', import.meta.url)

/** An empty store in memory, its schema up to date. */
export async function openTestStore(): Promise<PGliteStore> {
  return openPGlite(undefined, { template: await made('tar', makeTar) })
}

/** Gives a data directory an empty database, its schema up to date, for a service to start on. */
export async function prepareDataDir(dataDir: string): Promise<void> {
  const template = await made('directory', makeDirectory)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await cp(join(template, 'database'), join(dataDir, 'database'), { recursive: true })
}

let names: Promise<string> | undefined
/** Processes that need it at once each make it, and the last one's stays: they are alike. */
async function made(form: string, make: (path: string) => Promise<void>): Promise<string> {
  names ??= nameOf()
  const path = join(CACHE, `${await names}.${form}`)
  if (await exists(path)) return path
  await mkdir(CACHE, { recursive: true })
  const draft = `${path}.${process.pid}.${performance.now()}`
  try {
    await make(draft)
    await rename(draft, path).catch(async (error: unknown) => {
      // A directory is not renamed over another.
      if (!(await exists(path))) throw error
    })
    await forgetOthers(await names)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return path
}

/** Those of schemas that are no more; what is being made now has a longer name. */
async function forgetOthers(name: string): Promise<void> {
  const others = (await readdir(CACHE)).filter(
    (file) => /^pglite-\w+\.(tar|directory)$/.test(file) && !file.startsWith(name),
  )
  for (const file of others) await rm(join(CACHE, file), { recursive: true, force: true })
}

async function makeTar(path: string): Promise<void> {
  const client = await PGlite.create({})
  try {
    await migrate(drizzle(client) as unknown as Database)
    const dump = await client.dumpDataDir('none')
    await writeFile(path, new Uint8Array(await dump.arrayBuffer()))
  } finally {
    await client.close()
  }
}

async function makeDirectory(path: string): Promise<void> {
  await (await openPGlite(path, { template: await made('tar', makeTar) })).close()
}

async function nameOf(): Promise<string> {
  const hash = createHash('sha256')
  const library = import.meta.resolve('@electric-sql/pglite')
  const files = [...(await migrationNames()).map((name) => new URL(name, MIGRATIONS)), library]
  for (const file of files) hash.update(await readFile(new URL(file)))
  return `pglite-${hash.digest('hex').slice(0, 16)}`
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )
