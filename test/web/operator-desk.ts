// A settlement service with a little of everything that operators look after, and an operator in a browser.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ingest, openSettlement, runPayouts, type Settlement } from '@hanse/settlement'
import {
  addPerson,
  addProvider,
  addTenant,
  CENT,
  type Deal,
  FakePayments,
  hold,
  makeDeal,
  prepareDataDir,
  signIn,
} from '@hanse/settlement/testing'
import type { Page } from 'playwright-core'
import { freePort } from './free-port.ts'
import { Site } from './site.ts'

const NETWORK = 'test'
/** A batch goes into the log every second; the machine may do other things as well. */
const LOGGED_MS = 60_000
const ASK_AGAIN_MS = 200

export interface Desk {
  readonly provider: string
  readonly organization: string
  /** CIDs of the orders of what was paid. */
  readonly sessions: readonly string[]
  /** Two receipts of it contradict each other. */
  readonly contradicted: string
  /** CID of the receipt that was refused. */
  readonly refused: string
  readonly payout: string
  /** Somebody who writes letters. */
  readonly person: string
}

export class OperatorDesk implements AsyncDisposable {
  readonly site: Site
  readonly settlement: Settlement
  readonly desk: Desk
  readonly #operator: string
  readonly #stack: AsyncDisposableStack

  private constructor(
    site: Site,
    settlement: Settlement,
    desk: Desk,
    operator: string,
    stack: AsyncDisposableStack,
  ) {
    this.site = site
    this.settlement = settlement
    this.desk = desk
    this.#operator = operator
    this.#stack = stack
  }

  static async open(): Promise<OperatorDesk> {
    await using stack = new AsyncDisposableStack()
    const dataDir = await mkdtemp(join(tmpdir(), 'hanse-desk-'))
    stack.defer(() => rm(dataDir, { recursive: true, force: true }))
    await prepareDataDir(dataDir)
    const port = await freePort()
    const settlement = stack.use(
      await openSettlement({
        dataDir,
        network: NETWORK,
        webOrigin: `http://127.0.0.1:${port}`,
        pressure: { eventLoopMs: Infinity },
      }),
    )
    const desk = await fill(settlement)
    const operator = await addOperator(settlement)
    const site = stack.use(await Site.open({ settlementUrl: settlement.url, port }))
    return new OperatorDesk(site, settlement, desk, operator, stack.move())
  }

  /** As the operator, who has just shown a second factor. */
  async enter(page: Page): Promise<void> {
    const { cookie = '' } = await signIn(this.settlement.context, this.#operator, [
      'password',
      'totp',
    ])
    const [name = '', value = ''] = cookie.split('=')
    await page.context().addCookies([{ name, value, url: this.settlement.url }])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}

async function fill(settlement: Settlement): Promise<Desk> {
  const { context } = settlement
  const tenant = await addTenant(context, 10_000n)
  const provider = await addProvider(context)
  const authorization = await hold(context, tenant, provider, 5_000n * CENT)
  const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
  const deal = () => makeDeal({ ...parties, at: Date.now() })
  const paid = [deal(), deal(), deal()]
  const twofold = deal()
  const booked = await ingest(
    context,
    [...paid, twofold].map((one) => one.submission(0, 200_000, { final: 'completed' })),
  )
  assert.deepEqual(
    booked.map(({ status }) => status),
    ['booked', 'booked', 'booked', 'booked'],
  )
  const refused = twofold.submission(0, 200_001, { final: 'completed' })
  const [answer] = await ingest(context, [refused])
  assert.ok(answer && 'code' in answer && answer.code === 'HANSE_RECEIPT_EQUIVOCATION')
  // Stripe is not what this is about.
  await runPayouts({ ...context, payments: new FakePayments() as never })
  const [payout] = await context.store.payouts({ after: '', limit: 1, provider: provider.peerId })
  const [alert] = await context.store.alerts({ limit: 1 })
  await logged(settlement, paid)
  return {
    provider: provider.peerId,
    organization: tenant.organization,
    sessions: paid.map(({ session }) => session),
    contradicted: twofold.session,
    refused: alert?.contradicting ?? '',
    payout: payout?.id ?? '',
    person: (await addPerson(context, 'irene@example.org')).id,
  }
}

/** Until the log can prove all of them. */
async function logged({ url }: Settlement, deals: readonly Deal[]): Promise<void> {
  const end = Date.now() + LOGGED_MS
  for (const { session } of deals) {
    while (!(await fetch(`${url}/v1/log/proof/${session}`)).ok) {
      assert.ok(Date.now() < end, 'the log has no entry of it')
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
    }
  }
}

async function addOperator({ context, url, operatorToken }: Settlement): Promise<string> {
  const person = await addPerson(context, 'olga@example.org', ['password', 'totp'])
  const made = await fetch(`${url}/v1/admin/operators`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Olga' }),
  })
  assert.equal(made.status, 200, await made.clone().text())
  const { operator } = (await made.json()) as { operator: string }
  const linked = await context.store.linkOperator({
    operator,
    person: person.id,
    by: 'root',
    at: context.now(),
  })
  assert.equal(linked, 'linked')
  return person.id
}
