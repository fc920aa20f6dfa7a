import { type SignedRecord, signerOf } from '@hanse/protocol'
import { ROOT_TOKEN } from '../../access/testing/access-app.ts'
import { addKeyOf, addOrganization } from '../../access/testing/people.ts'
import { type App, createApp } from '../../api/app.ts'
import { openIngest } from '../../ingest/ingest-service.ts'
import { SettlementLog } from '../../log/settlement-log.ts'
import { openTestStore } from '../../testing/database-template.ts'
import { type Deal, makeDeal, newSigner } from '../../testing/deals.ts'
import {
  addProvider,
  CENT,
  credit,
  hold,
  NETWORK,
  type TestContext,
  testContext,
} from '../../testing/market.ts'

type Headers = Readonly<Record<string, string>>

export interface AuditApp extends AsyncDisposable {
  readonly app: App
  readonly context: TestContext & { readonly log: SettlementLog }
  /** Whose trail it is. */
  readonly organization: string
  readonly key: Headers
  readonly parties: {
    readonly network: string
    readonly consumer: ReturnType<typeof newSigner>
    readonly provider: ReturnType<typeof newSigner>
    readonly authorization: SignedRecord
  }
  readonly deal: (changes?: Partial<Parameters<typeof makeDeal>[0]>) => Deal
  readonly call: (
    method: 'GET' | 'POST',
    url: string,
    headers?: Headers,
    payload?: object,
  ) => Promise<Answer>
}

interface Answer {
  readonly status: number
  // Tests look at what they expect.
  readonly body: ReturnType<typeof JSON.parse>
  readonly raw: Uint8Array
}

/** The API with a log, over PGlite in memory, and an organization that has money and a provider. */
export async function openAuditApp({ euAudit = true } = {}): Promise<AuditApp> {
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await openTestStore())
  const base = { ...testContext(store), euAudit }
  const identity = base.signer
  const log = await SettlementLog.open({
    store,
    network: NETWORK,
    identity,
    key: signerOf(new Uint8Array(32).fill(5)),
    defaultOrigin: 'log.test',
    now: base.now,
  })
  const context = { ...base, log }
  const ingest = stack.use(openIngest({ context, verifyThreads: 0 }))
  const app = await createApp(context, { operatorToken: ROOT_TOKEN, ingest })
  stack.defer(() => app.close())
  const { organization } = await addOrganization(context)
  const key = await addKeyOf(context, organization)
  const consumer = newSigner()
  await store.bindConsumers(organization, [consumer.peerId], context.now())
  await credit(context, organization, 100_000n)
  const provider = await addProvider(context)
  const tenant = { organization, consumer }
  const authorization = await hold(context, tenant, provider, 100n * CENT)
  const parties = { network: NETWORK, consumer, provider, authorization }
  const opened = stack.move()
  return {
    app,
    context,
    organization,
    key: key.headers,
    parties,
    deal: (changes = {}) => makeDeal({ ...parties, at: context.now(), ...changes }),
    call: async (method, url, headers = key.headers, payload) => {
      const answer = await app.inject({
        method,
        url,
        headers: { ...headers },
        ...(payload !== undefined && { payload }),
      })
      const isJson = String(answer.headers['content-type']).includes('json')
      return {
        status: answer.statusCode,
        body: isJson ? answer.json() : undefined,
        raw: new Uint8Array(answer.rawPayload),
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
