// Photographs every page of the build into test/artifacts/web/, to be looked at by a person.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { areas } from './shots/areas.ts'
import { Photographer } from './shots/photographer.ts'
import { ARTIFACTS, buildIfStale, pagePaths } from './site.ts'

const FOLDER = process.env.HANSE_SHOTS ?? join(ARTIFACTS, 'web')

/** `npm run web:shots [-- part of a path …]` */
async function main(parts: readonly string[]): Promise<number> {
  await buildIfStale()
  if (parts.length === 0) await rm(FOLDER, { recursive: true, force: true })
  await mkdir(FOLDER, { recursive: true })
  const paths = (await pagePaths()).filter((path) => !/^\/de(?:\/|$)/u.test(path))
  const chosen = paths.filter((path) => isChosen(path, parts))
  const faults: string[] = []
  for (const area of areas) {
    const own = chosen.filter((path) => areas.find(({ covers }) => covers.test(path)) === area)
    if (own.length > 0) faults.push(...(await takeArea(area, own)))
  }
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  process.stdout.write(`${FOLDER}\n`)
  return faults.length === 0 ? 0 : 1
}

/** A part with a slash at its end is the whole path: `/` is the landing page alone. */
const isChosen = (path: string, parts: readonly string[]): boolean =>
  parts.length === 0 ||
  parts.some((part) =>
    part.endsWith('/') ? `${path}/`.replace('//', '/') === part : path.includes(part),
  )

async function takeArea(area: (typeof areas)[number], paths: readonly string[]): Promise<string[]> {
  await using scenery = await area.open()
  await using visit = await scenery.site.visit(undefined)
  await scenery.enter?.(visit.page)
  const photographer = new Photographer(scenery, visit.page, FOLDER)
  // The page for addresses that do not exist has one language.
  for (const path of paths)
    await photographer.take(path, new Set(path === '/404' ? ['en'] : ['en', 'de']))
  process.stdout.write(`${area.covers.source}: ${photographer.taken} pictures\n`)
  return photographer.faults
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2))
}
