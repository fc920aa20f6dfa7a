// A settlement service after a month of business, with operators who sign in as people.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSettlement, type Settlement } from '@hanse/settlement'
import {
  addPaidProvider,
  addTenant,
  bookSession,
  CENT,
  prepareDataDir,
  topUp,
  totpCode,
} from '@hanse/settlement/testing'
import type { Page } from 'playwright-core'
import { freePort } from './free-port.ts'
import { mailReader } from './mail-reader.ts'
import { Site } from './site.ts'

const PASSWORD = 'a ledger bound in sea blue'
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Longer than a code is good for: each one is taken once. */
const NEXT_CODE_MS = 60_000

export type OfficeRole = 'operator' | 'support' | 'platform-auditor'
export interface Clerk {
  readonly operator: string
  /** What a program of theirs sends. */
  readonly token: string
  readonly email: string
  /** What their authenticator app shows now. */
  code(): string
}

export class Office implements AsyncDisposable {
  readonly site: Site
  readonly settlement: Settlement
  /** What Stripe was told by hand: no posting is for it. */
  strayTransfer = ''
  /** How far the service's clock is from ours, milliseconds. */
  readonly #clock: { offset: number }
  #trade:
    | {
        readonly tenant: Awaited<ReturnType<typeof addTenant>>
        readonly provider: Parameters<typeof bookSession>[2]
      }
    | undefined
  readonly #mails: ReturnType<typeof mailReader>
  readonly #stack: AsyncDisposableStack

  private constructor(
    parts: { site: Site; settlement: Settlement; mails: ReturnType<typeof mailReader> },
    stack: AsyncDisposableStack,
    clock: { offset: number },
  ) {
    this.site = parts.site
    this.settlement = parts.settlement
    this.#mails = parts.mails
    this.#stack = stack
    this.#clock = clock
  }

  /** On a day in the middle of last month, until `business` is over. */
  static async open(): Promise<Office> {
    await using stack = new AsyncDisposableStack()
    const dataDir = await mkdtemp(join(tmpdir(), 'hanse-office-'))
    stack.defer(() => rm(dataDir, { recursive: true, force: true }))
    await prepareDataDir(dataDir)
    const port = await freePort()
    const clock = { offset: firstOfMonth() - 15 * DAY_MS - Date.now() }
    const mails = mailReader()
    const settlement = stack.use(
      await openSettlement({
        dataDir,
        network: 'test',
        webOrigin: `http://127.0.0.1:${port}`,
        now: () => Date.now() + clock.offset,
        // Every run waits for somebody.
        // And no month is closed before somebody looked.
        terms: { payoutApprovalCents: 0n, closeMonths: 'by-hand' },
        // A machine that runs other tests too is slow, and that is not what these are about.
        pressure: { eventLoopMs: Infinity },
        logger: mails.logger,
      }),
    )
    const site = stack.use(await Site.open({ settlementUrl: settlement.url, port }))
    return new Office({ site, settlement, mails }, stack.move(), clock)
  }

  /** An organization that paid, a provider that earned, and a transfer that somebody made by hand; then it is today. */
  async business(): Promise<void> {
    const { context, stripeDouble } = this.settlement
    assert.ok(stripeDouble)
    const tenant = await addTenant(context as Parameters<typeof addTenant>[0], 0n)
    const { organization } = tenant
    const paid = { organization, cents: 50_000n, paymentMethod: 'pm_card_bypassPending' }
    await topUp(context, { ...paid, idempotencyKey: 'of-the-office' })
    const provider = await addPaidProvider(context, stripeDouble)
    this.#trade = { tenant, provider: provider.signer }
    await bookSession(context, tenant, provider.signer, 400n * CENT)
    const { transfer } = await context.payments.transfer({
      account: provider.account,
      cents: 77n,
      operation: 'by-hand',
      transferGroup: 'by-hand',
    })
    this.strayTransfer = transfer
    // Last month may be closed, also where it ended a moment ago.
    this.#clock.offset = Math.max(0, firstOfMonth() + 2 * HOUR_MS - Date.now())
  }

  get provider(): string {
    assert.ok(this.#trade)
    return this.#trade.provider.peerId
  }

  /** Time goes by, for the service. */
  pass(ms: number): void {
    this.#clock.offset += ms
  }

  /** A payment that its card's holder disputes at once. */
  async payDisputed(cents: bigint): Promise<void> {
    assert.ok(this.#trade)
    const { organization } = this.#trade.tenant
    const paid = { organization, cents, paymentMethod: 'pm_card_createDispute' }
    await topUp(this.settlement.context, { ...paid, idempotencyKey: `disputed-${cents}` })
    await this.settlement.jobs.run('disputes')
  }

  /** One of everything that waits for an operator, and some that was decided before. */
  async morning(): Promise<{ run: string; difference: string }> {
    const { admin, settlement } = { admin: this.admin.bind(this), settlement: this.settlement }
    const bert = await this.addClerk('bert', 'operator')
    const gather = () => admin('POST', '/v1/admin/payout-runs', undefined, bert.token)
    const paid = (await gather()) as unknown as { run: { id: string } }
    await admin('POST', `/v1/admin/payout-runs/${paid.run.id}/approve`)
    await this.earnMore()
    const { run } = (await gather()) as unknown as { run: { id: string } }
    await this.payDisputed(4_200n)
    assert.ok(settlement.stripeDouble)
    const { signer } = await addPaidProvider(settlement.context, settlement.stripeDouble)
    const hold = { reason: 'The bank account belongs to somebody else' }
    await admin('PUT', `/v1/admin/providers/${signer.peerId}/payout-hold`, hold)
    await admin(
      'POST',
      '/v1/admin/adjustments',
      {
        kind: 'adjustment',
        debit: 'losses/platform',
        credit: `payable/${this.provider}`,
        amount: '3210000000000',
        reason: 'Lost while we moved house',
      },
      bert.token,
    )
    await admin('POST', '/v1/admin/reconciliations')
    const { differences } = (await admin('GET', '/v1/admin/differences')) as unknown as {
      differences: { id: string }[]
    }
    await settlement.jobs.run('documents')
    return { run: run.id, difference: differences[0]?.id ?? '' }
  }

  /** Something more that is due to the provider. */
  async earnMore(): Promise<void> {
    assert.ok(this.#trade)
    await bookSession(
      this.settlement.context,
      this.#trade.tenant,
      this.#trade.provider,
      200n * CENT,
    )
  }

  /** An operator who has an account with an authenticator app, and is linked to it. */
  async addClerk(name: string, role: OfficeRole): Promise<Clerk> {
    const email = `${name}@office.example`
    const { secret, cookie } = await this.#signUp(email)
    const { operator, token } = await this.admin('POST', '/v1/admin/operators', { name, role })
    const bytes = base32(secret)
    const code = () => totpCode(bytes, this.settlement.context.now())
    await this.#post('/v1/account/totp/confirm', { code: code() }, cookie)
    // The next code is another one.
    this.#clock.offset += NEXT_CODE_MS
    await this.admin('PUT', `/v1/admin/operators/${operator}/person`, { email })
    return { operator: operator ?? '', token: token ?? '', email, code }
  }

  /** Somebody with an account, and no operator. */
  async addStranger(email: string): Promise<void> {
    await this.#signUp(email)
  }

  /** Through the form, as a person does. */
  async signIn(page: Page, email: string, clerk?: Clerk): Promise<void> {
    await page.goto(`${this.site.web.url}/sign-in?next=/console`)
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    if (clerk !== undefined) {
      this.#clock.offset += NEXT_CODE_MS
      await page.getByLabel('Code of your authenticator app').fill(clerk.code())
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    }
    await page.waitForURL(`${this.site.web.url}/console`)
  }

  /** What the page asks of who signed in too long ago. */
  async prove(page: Page, clerk: Clerk): Promise<void> {
    const dialog = page.getByRole('dialog', { name: 'Show that it is you' })
    await dialog.getByLabel('Password').fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click()
    this.#clock.offset += NEXT_CODE_MS
    await dialog.getByLabel('Code of your authenticator app').fill(clerk.code())
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }

  /** As root, unless somebody's token is given. */
  async admin(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
    token = this.settlement.operatorToken,
  ): Promise<Record<string, string>> {
    const answer = await fetch(`${this.settlement.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    assert.ok(answer.ok, await answer.clone().text())
    return (await answer.json()) as Record<string, string>
  }

  async #signUp(email: string): Promise<{ secret: string; cookie: string }> {
    await this.#post('/v1/sign-up', { email, password: PASSWORD, name: '' })
    const link = await this.#mails.link('/verify-email', email)
    const proof = { token: new URL(link).hash.slice(1), password: PASSWORD }
    const { cookie } = await this.#post('/v1/verify-email', proof)
    const { body } = await this.#post('/v1/account/totp', {}, cookie)
    return { secret: body.secret ?? '', cookie }
  }

  async #post(path: string, body: object, cookie = '') {
    const answer = await fetch(`${this.settlement.url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        origin: this.site.web.url,
        ...(cookie !== '' && { cookie }),
      },
      body: JSON.stringify(body),
    })
    assert.ok(answer.ok, await answer.clone().text())
    const set = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
    return { body: (await answer.json()) as Record<string, string>, cookie: set }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}

function firstOfMonth(): number {
  const today = new Date()
  return Date.UTC(today.getUTCFullYear(), today.getUTCMonth())
}

/** RFC 4648, as authenticator apps are given their secret. */
function base32(text: string): Uint8Array {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = Array.from(text.replace(/=+$/u, ''), (letter) =>
    alphabet.indexOf(letter).toString(2).padStart(5, '0'),
  ).join('')
  const bytes = bits.match(/.{8}/gu) ?? []
  return Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 2))
}
