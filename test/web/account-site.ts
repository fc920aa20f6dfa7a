import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSettlement, type Settlement, type SettlementOptions } from '@hanse/settlement'
import { prepareDataDir } from '@hanse/settlement/testing'
import type { Page } from 'playwright-core'
import { freePort } from './free-port.ts'
import { mailReader } from './mail-reader.ts'
import { Site } from './site.ts'

/** Of everybody here. */
export const PASSWORD = 'a loom that reads cards'

/** What an organization is filled with. */
export interface Filling {
  readonly count: number
  /** Sessions are named by it, with eight digits behind. */
  readonly prefix?: string
  /** Between every ten of them. */
  readonly stepMs?: number
}

/** The site with a settlement service of its own, and people who sign up as anybody does. */
export class AccountSite implements AsyncDisposable {
  readonly site: Site
  readonly settlement: Settlement
  /** How far the service's clock is ahead, milliseconds. */
  readonly clock: { aheadMs: number }
  readonly #mails: ReturnType<typeof mailReader>
  readonly #stack: AsyncDisposableStack

  private constructor(
    site: Site,
    settlement: Settlement,
    clock: { aheadMs: number },
    mails: ReturnType<typeof mailReader>,
    stack: AsyncDisposableStack,
  ) {
    this.site = site
    this.settlement = settlement
    this.clock = clock
    this.#mails = mails
    this.#stack = stack
  }

  /** @param given more for the service */
  static async open(given: Partial<SettlementOptions> = {}): Promise<AccountSite> {
    await using stack = new AsyncDisposableStack()
    const dataDir = await mkdtemp(join(tmpdir(), 'hanse-account-'))
    stack.defer(() => rm(dataDir, { recursive: true, force: true }))
    await prepareDataDir(dataDir)
    const port = await freePort()
    const webOrigin = `http://127.0.0.1:${port}`
    const mails = mailReader()
    const { logger } = mails
    const clock = { aheadMs: 0 }
    const now = () => Date.now() + clock.aheadMs
    const options = { dataDir, network: 'test', webOrigin, logger, now, ...given }
    const settlement = stack.use(await openSettlement(options))
    const site = stack.use(await Site.open({ settlementUrl: settlement.url, port }))
    return new AccountSite(site, settlement, clock, mails, stack.move())
  }

  /** @returns the id of a new person's organization; the page has their cookie */
  async signUp(page: Page, email: string): Promise<string> {
    const post = async (path: string, data: object) => {
      const headers = { origin: this.site.web.url }
      const answer = await page.request.post(`${this.settlement.url}${path}`, { data, headers })
      assert.ok(answer.ok(), await answer.text())
      return (await answer.json()) as { organization: string }
    }
    await post('/v1/sign-up', { email, password: PASSWORD, name: '' })
    const link = await this.#mails.link('/verify-email', email)
    await post('/v1/verify-email', { token: new URL(link).hash.slice(1), password: PASSWORD })
    const loom = { name: 'Loom', lawfulBasis: 'contract' }
    const { organization } = await post('/v1/organizations', loom)
    return organization
  }

  /** As if they had been settled: what is looked at is the page. */
  async fill(organization: string, filling: Filling): Promise<void> {
    const { count, prefix = 'session', stepMs = 60_000 } = filling
    await this.settlement.store.executeSql(`
      insert into settled_session (session, organization, consumer, provider, model, sequence, receipt, amount, fee, fee_bps,
        input_tokens, cached_input_tokens, output_tokens, final, signed_order, signed_acceptance, accepted_at, updated_at)
      select '${prefix}' || lpad(i::text, 8, '0'), '${organization}', 'consumer', 'provider' || i % 9, 'acme/model-' || i % 10,
        3, 'receipt' || i, 1000000::numeric * i, 250000::numeric * i, 2500, 100 + i, 0, 50 + i, 'completed', '', '',
        now() - (i / 10) * interval '${stepMs} ms', now() - (i / 10) * interval '${stepMs} ms'
      from generate_series(1, ${count}) i`)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}
