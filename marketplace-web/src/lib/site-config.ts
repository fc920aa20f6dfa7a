import { type Config, parseConfig } from './config.ts'

let known: Promise<Config> | undefined

/** Where the services of this site are, asked for once. @throws {Error} when the site has no valid /config.json */
export function siteConfig(): Promise<Config> {
  known ??= read().catch((error: unknown) => {
    // The next one asks again.
    known = undefined
    throw error
  })
  return known
}

async function read(): Promise<Config> {
  const response = await fetch('/config.json', { cache: 'no-store' })
  const config = response.ok ? parseConfig(await response.json()) : undefined
  if (config === undefined) throw new Error('this site has no valid /config.json')
  return config
}
