import type { LightMyRequestResponse } from 'fastify'
import { type App, createApp } from '../../api/app.ts'
import type { SettlementContext } from '../../context.ts'
import { openIngest } from '../../ingest/ingest-service.ts'
import type { Mail, Mailer } from '../../notifications/mailer.ts'
import { openTestStore } from '../../testing/database-template.ts'
import { type TestContext, testContext } from '../../testing/market.ts'

/** A mailbox for everybody. */
export class Mailbox implements Mailer {
  readonly mails: Mail[] = []
  #arrived = Promise.withResolvers<void>()

  async send(mail: Mail): Promise<void> {
    this.mails.push(mail)
    this.#arrived.resolve()
    this.#arrived = Promise.withResolvers()
  }

  /** The next mail to an address that nobody has taken yet. */
  async next(to: string): Promise<Mail> {
    for (;;) {
      const index = this.mails.findIndex((mail) => mail.to === to)
      const [mail] = index === -1 ? [] : this.mails.splice(index, 1)
      if (mail !== undefined) return mail
      await this.#arrived.promise
    }
  }

  /** What its link ends with. */
  async token(to: string): Promise<string> {
    return /#([\w-]{43})$/mu.exec((await this.next(to)).text)?.[1] ?? 'no link'
  }
}

export interface PeopleApp extends AsyncDisposable {
  readonly app: App
  readonly context: TestContext
  readonly mailbox: Mailbox
}

/** The API over PGlite in memory, not listening. */
export async function openPeopleApp(more: Partial<SettlementContext> = {}): Promise<PeopleApp> {
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await openTestStore())
  const mailbox = new Mailbox()
  const context = { ...testContext(store), mailer: mailbox, ...more }
  const ingest = stack.use(openIngest({ context, verifyThreads: 0 }))
  const app = await createApp(context, { operatorToken: 'operator', ingest })
  stack.defer(() => app.close())
  const opened = stack.move()
  return { app, context, mailbox, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** Keeps cookies, and says where its requests come from, as browsers do. */
export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #app: App
  readonly #address: string
  readonly #origin: Record<string, string>

  constructor(app: App, address = '203.0.113.7', origin: Record<string, string> | null = null) {
    this.#app = app
    this.#address = address
    this.#origin = origin ?? { 'sec-fetch-site': 'same-origin' }
  }

  async send(
    method: Method,
    url: string,
    payload?: object,
    headers: Record<string, string> = {},
  ): Promise<LightMyRequestResponse> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await this.#app.inject({
      method,
      url,
      remoteAddress: this.#address,
      headers: { ...this.#origin, ...(cookie !== '' && { cookie }), ...headers },
      ...(payload !== undefined && { payload }),
    })
    for (const { name, value, maxAge } of response.cookies) {
      if (maxAge === 0 || value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return response
  }

  get = (url: string) => this.send('GET', url)
  post = (url: string, payload?: object) => this.send('POST', url, payload)
  delete = (url: string) => this.send('DELETE', url)
}

export const PASSWORD = 'a lamp beside the river'

/** Somebody who has signed up and confirmed the address: signed in. */
export async function signedUp(
  { app, mailbox }: PeopleApp,
  email: string,
  address?: string,
): Promise<Browser> {
  const browser = new Browser(app, address)
  await browser.post('/v1/sign-up', { email, password: PASSWORD, name: 'Ada' })
  const token = await mailbox.token(email)
  const verified = await browser.post('/v1/verify-email', { token, password: PASSWORD })
  if (verified.statusCode !== 200) throw new Error(verified.body)
  return browser
}
