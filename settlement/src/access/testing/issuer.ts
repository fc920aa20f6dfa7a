import { type IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

/** Whom an issuer in a test knows, by subject. */
export interface IssuerAccount {
  readonly email: string
  readonly email_verified?: boolean
}

export interface TestIssuer extends AsyncDisposable {
  readonly url: string
  /** Signs in without asking: the account that is next. Returns where the browser is sent back to. */
  visit(authorizationUrl: string, subject: string): Promise<URL>
  /** Whom it signs in next, where a browser follows the redirects itself. */
  next(subject: string): void
}

export interface IssuerClient {
  readonly id: string
  readonly secret: string
  readonly redirectUris: readonly string[]
}

/** A real OpenID provider on loopback, whose clients may come later. */
export async function openIssuerForTest(
  accounts: Readonly<Record<string, IssuerAccount>>,
  clients: readonly IssuerClient[],
): Promise<TestIssuer> {
  const server = new Server()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(url, {
    clients: clients.map(({ id, secret, redirectUris }) => ({
      client_id: id,
      client_secret: secret,
      redirect_uris: [...redirectUris],
    })),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_context, subject) => ({
      accountId: subject,
      claims: async () => ({ sub: subject, ...accounts[subject] }),
    }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    cookies: { keys: ['for a test'] },
    pkce: { required: () => true },
  })
  let subject = ''
  const callback = provider.callback()
  server.on('request', (request: IncomingMessage, response) => {
    if (!request.url?.startsWith('/interaction/')) {
      void callback(request, response)
      return
    }
    void interact(provider, request, response, subject)
  })
  return {
    url,
    visit: async (start, who) => {
      subject = who
      return visit(start, url)
    },
    next: (who) => {
      subject = who
    },
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

async function interact(
  provider: Provider,
  request: IncomingMessage,
  response: import('node:http').ServerResponse,
  subject: string,
): Promise<void> {
  const { prompt, params } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: subject } })
    return
  }
  const grant = new provider.Grant({ accountId: subject, clientId: String(params.client_id) })
  grant.addOIDCScope('openid email profile')
  await provider.interactionFinished(request, response, {
    consent: { grantId: await grant.save() },
  })
}

/** Follows redirects as a browser does, until they leave the issuer. */
async function visit(start: string, issuer: string): Promise<URL> {
  const cookies = new Map<string, string>()
  let next = new URL(start)
  for (let hops = 0; hops < 20 && next.href.startsWith(issuer); hops++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(next, { redirect: 'manual', headers: { cookie } })
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/u.exec(set) ?? []
      cookies.set(name, value)
    }
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`${answer.status} ${await answer.text()}`)
    next = new URL(location, next)
  }
  return next
}
