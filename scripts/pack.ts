import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Manifest, publishedManifest } from './pack/manifest.ts'

// `node scripts/pack.ts [folder]` makes the packages as they are published: JavaScript with declarations.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const WORKSPACES = ['protocol', 'client', 'node'] as const

/** Builds each package into a folder of its own, in `folder`. @returns their folders, by the names of the packages */
export async function packInto(folder: string): Promise<ReadonlyMap<string, string>> {
  const manifests = await Promise.all(WORKSPACES.map(async (name) => await manifestOf(name)))
  const versions = new Map(manifests.map(({ name, version }) => [name, version]))
  const emitted = await mkdtemp(join(tmpdir(), 'hanse-pack-'))
  try {
    const config = join(ROOT, 'scripts/pack/tsconfig.json')
    await promisify(execFile)(process.execPath, [TSC, '-p', config, '--outDir', emitted])
    const folders = new Map<string, string>()
    for (const [index, workspace] of WORKSPACES.entries()) {
      const manifest = manifests[index]
      if (manifest === undefined) continue
      const into = join(folder, workspace)
      await rm(into, { recursive: true, force: true })
      await mkdir(into, { recursive: true })
      await cp(join(emitted, workspace, 'src'), join(into, 'dist'), { recursive: true })
      await nameBuiltFiles(join(into, 'dist'))
      await cp(join(ROOT, 'LICENSE'), join(into, 'LICENSE'))
      await copyPrograms(join(ROOT, workspace, 'bin'), join(into, 'bin'))
      if (workspace === 'node')
        await cp(join(ROOT, 'models'), join(into, 'models'), { recursive: true })
      const published = publishedManifest(manifest, versions)
      await writeFile(join(into, 'package.json'), `${JSON.stringify(published, undefined, 2)}\n`)
      folders.set(manifest.name, into)
    }
    return folders
  } finally {
    await rm(emitted, { recursive: true, force: true })
  }
}

async function manifestOf(workspace: string): Promise<Manifest> {
  const text = await readFile(join(ROOT, workspace, 'package.json'), 'utf8')
  return JSON.parse(text) as Manifest
}

/** Files that are named by where they lie: the compiler looks at imports only. */
async function nameBuiltFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.js')) continue
    const path = join(folder, name)
    const text = await readFile(path, 'utf8')
    const named = text
      .replace(
        /new URL\('(\.\/[\w-]+)\.ts', import\.meta\.url\)/gu,
        "new URL('$1.js', import.meta.url)",
      )
      // The model that ships with the source lies in the package itself.
      .replace(/new URL\('\.\.\/((?:\.\.\/)+models\/)/gu, "new URL('$1")
    if (named !== text) await writeFile(path, named)
  }
}

async function copyPrograms(from: string, into: string): Promise<void> {
  const names = await readdir(from).catch(() => [])
  if (names.length === 0) return
  await mkdir(into)
  for (const name of names) {
    const text = await readFile(join(from, name), 'utf8')
    const built = text.replace(/'\.\.\/src\/(.+)\.ts'/gu, "'../dist/$1.js'")
    await writeFile(join(into, name), built, { mode: 0o755 })
  }
}

if (import.meta.main) {
  const folders = await packInto(process.argv[2] ?? join(ROOT, 'dist'))
  for (const [name, path] of folders) console.log(`${name}\t${path}`)
}
