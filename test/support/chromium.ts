import { existsSync } from 'node:fs'
import { type Browser, chromium, type LaunchOptions } from 'playwright-core'

/** What the package adds for other uses: with it the browser ends with its first page, or asks no CORS. */
const unwanted = [
  '--single-process',
  '--no-zygote',
  '--disable-web-security',
  '--allow-running-insecure-content',
]

/** A browser of this machine where there is one, else the one that comes as a package: nothing is downloaded. */
export async function launchChromium(): Promise<Browser> {
  const installed = [process.env.CHROMIUM_PATH ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome']
  const executablePath = installed.find((path) => path !== '' && existsSync(path))
  // Tests run where there is no user to sandbox, and /dev/shm of a container is small.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
  if (executablePath !== undefined) return chromium.launch({ executablePath, args })
  const { default: packaged } = await import('@sparticuz/chromium')
  return await launchPackaged({
    executablePath: await packaged.executablePath(),
    args: [...packaged.args.filter((arg) => !unwanted.includes(arg)), ...args],
  })
}

/** On a loaded machine the packaged browser now and then dies of a signal before it has started. */
const ATTEMPTS = 3

async function launchPackaged(options: LaunchOptions, attempt = 1): Promise<Browser> {
  try {
    return await chromium.launch(options)
  } catch (error) {
    if (attempt >= ATTEMPTS || !/signal=SIG/u.test(String(error))) throw error
    return await launchPackaged(options, attempt + 1)
  }
}
