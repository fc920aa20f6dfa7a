import { type App, type AppOptions, createApp } from '../../api/app.ts'
import type { SettlementContext } from '../../context.ts'
import { openIngest } from '../../ingest/ingest-service.ts'
import type { Mail } from '../../notifications/mailer.ts'
import { openTestStore } from '../../testing/database-template.ts'
import { type TestContext, testContext } from '../../testing/market.ts'

export const ROOT_TOKEN = 'root-token-of-a-test'
export const ROOT = { authorization: `Bearer ${ROOT_TOKEN}` }

export interface AccessApp extends AsyncDisposable {
  readonly app: App
  readonly context: TestContext
  /** What was mailed. */
  readonly mails: Mail[]
}

/** The API over PGlite in memory, not listening. */
export async function openAccessApp(
  options: Partial<AppOptions> = {},
  more: Partial<SettlementContext> = {},
): Promise<AccessApp> {
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await openTestStore())
  const mails: Mail[] = []
  const mailer = { send: async (mail: Mail) => void mails.push(mail) }
  const context = { ...testContext(store), mailer, ...more }
  const ingest = stack.use(openIngest({ context, verifyThreads: 0 }))
  const app = await createApp(context, { operatorToken: ROOT_TOKEN, ingest, ...options })
  stack.defer(() => app.close())
  const opened = stack.move()
  return { app, context, mails, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
