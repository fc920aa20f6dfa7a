// Somebody who has worked with Hanse for ninety days, and looks at their pages.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { seedDemo } from '@hanse/settlement/testing'
import type { Page } from 'playwright-core'
import { freePort } from './free-port.ts'
import { Site } from './site.ts'

const program = join(import.meta.dirname, '../../settlement/bin/hanse-settlement.mjs')

interface Seed {
  readonly password: string
  readonly members: readonly string[]
  readonly sessions: number
}

export class DemoAccount implements AsyncDisposable {
  readonly site: Site
  readonly settlement: Settlement
  readonly sessions: number
  readonly #seed: Seed
  readonly #stack: AsyncDisposableStack

  private constructor(site: Site, settlement: Settlement, seed: Seed, stack: AsyncDisposableStack) {
    this.site = site
    this.settlement = settlement
    this.sessions = seed.sessions
    this.#seed = seed
    this.#stack = stack
  }

  /** @param days how many of the ninety it has lived: fewer are made sooner */
  static async open(days?: number): Promise<DemoAccount> {
    await using stack = new AsyncDisposableStack()
    const dataDir = await mkdtemp(join(tmpdir(), 'hanse-demo-'))
    stack.defer(() => rm(dataDir, { recursive: true, force: true }))
    const seed = days === undefined ? await seedAll(dataDir) : await seedDays(dataDir, days)
    const port = await freePort()
    const webOrigin = `http://127.0.0.1:${port}`
    const settlement = stack.use(await openSettlement({ dataDir, network: 'test', webOrigin }))
    const site = stack.use(await Site.open({ settlementUrl: settlement.url, port }))
    return new DemoAccount(site, settlement, seed, stack.move())
  }

  /** The owner, unless another one of the four is named. */
  async signIn(page: Page, name = 'ada'): Promise<void> {
    const email = this.#seed.members.find((one) => one.startsWith(name))
    const { password } = this.#seed
    const answer = await page.request.post(`${this.settlement.url}/v1/sign-in`, {
      data: { email, password },
      headers: { origin: this.site.web.url },
    })
    assert.equal(answer.status(), 200, await answer.text())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}

/** As whoever tries the program does. */
async function seedAll(dataDir: string): Promise<Seed> {
  const args = [program, 'seed-demo', '--data-dir', dataDir]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout) as Seed
}

async function seedDays(dataDir: string, days: number): Promise<Seed> {
  // The log begins before what it tells of: its key counts from then on.
  const clock = { now: Date.now() - (days + 1) * 86_400_000 }
  const options = { dataDir, network: 'test', verifyThreads: 0, now: () => clock.now }
  await using settlement = await openSettlement(options)
  clock.now = Date.now()
  return await seedDemo(settlement, clock, { days })
}
