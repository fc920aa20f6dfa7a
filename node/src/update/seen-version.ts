import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { compareVersions, parseVersion } from './version.ts'

const FILE = 'update.json'
const seen = z.object({ highest: z.string() })

/** The highest release that an update of this node has seen; `undefined` before the first look. */
export async function newestSeen(dataDir: string): Promise<string | undefined> {
  try {
    const { highest } = seen.parse(JSON.parse(await readFile(join(dataDir, FILE), 'utf8')))
    return parseVersion(highest) === undefined ? undefined : highest
  } catch {
    // Not there, or not ours: then nothing was seen.
    return undefined
  }
}

/** Remembers `version` unless a higher one is known: what was seen once is never forgotten. */
export async function rememberSeen(dataDir: string, version: string): Promise<void> {
  const parsed = parseVersion(version)
  const known = parseVersion((await newestSeen(dataDir)) ?? '')
  if (parsed === undefined || (known !== undefined && compareVersions(known, parsed) >= 0)) return
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, FILE)
  await writeFile(`${path}.tmp`, `${JSON.stringify({ highest: version.replace(/^v/u, '') })}\n`, {
    mode: 0o600,
  })
  await rename(`${path}.tmp`, path)
}
