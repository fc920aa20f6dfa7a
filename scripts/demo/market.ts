import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Child, type Facts } from './child.ts'
import { type LedgerEntry, Operator, type Tenant } from './operator.ts'
import { freePort } from './ports.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const HANSE = join(ROOT, 'node/bin/hanse.mjs')
const SETTLEMENT = join(ROOT, 'settlement/bin/hanse-settlement.mjs')

export const NETWORK = 'devnet'

export interface ProviderPlan {
  readonly name: string
  readonly country: string
  /** Euro per million tokens. */
  readonly inputPrice: string
  readonly outputPrice: string
  readonly args?: readonly string[]
}

export interface MarketOptions {
  /** Everything is kept here; a second market in the same folder goes on where the first ended. */
  readonly stateDir: string
  readonly providers: readonly ProviderPlan[]
  /** Ports to take when they are free; any free one otherwise. */
  readonly ports?: {
    readonly settlement?: number
    readonly gateway?: number
    readonly relay?: number
  }
  readonly gatewayArgs?: readonly string[]
  /** More for settlement. */
  readonly settlementArgs?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** The processes do not hear a Ctrl-C of the terminal: whoever started them ends them. */
  readonly detached?: boolean
  readonly onProgress?: (line: string) => void
}

type Run = (name: string, args: readonly string[], env?: Readonly<Record<string, string>>) => Child

/** A gateway that is ready, and who pays for what it buys. */
export interface StartedGateway {
  readonly url: string
  readonly tenant: Tenant
}

/** What outlives one run: the operator's token and the organization that buys. */
interface Secrets {
  readonly operatorToken: string
  readonly tenant?: Tenant
}

/** A whole network on loopback, each part a process of its own. */
export class Market implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly #children: Child[] = []
  /** How each process was started, and which of that name runs now. */
  readonly #running = new Map<string, { child: Child; again: () => Child }>()
  readonly providers = new Map<string, { readonly child: Child; readonly peerId: string }>()
  gatewayUrl = ''
  settlementUrl = ''
  settlementPeerId = ''
  relayAddress = ''
  /** Where web pages enter the network. */
  relayWebSocket = ''
  operator!: Operator
  tenant!: Tenant
  readonly #options: MarketOptions
  readonly #run: Run

  get gateway(): Child {
    return this.child('gateway')
  }

  private constructor(options: MarketOptions) {
    this.#options = options
    this.#run = (name, args, more = {}) =>
      this.spawn(name, args, { ...options.env, ...more }, options.stateDir)
  }

  static async start(options: MarketOptions): Promise<Market> {
    const market = new Market(options)
    try {
      await market.#start()
      return market
    } catch (error) {
      await market[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  /** The first process that ended without being asked to. */
  get failed(): Child | undefined {
    return this.#children.find((child) => child.failed)
  }

  /** Runs another process as part of this market. */
  spawn(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    stateDir: string,
  ): Child {
    const start = (appendLog: boolean): Child => {
      const logPath = join(stateDir, 'logs', `${name}.log`)
      const { detached = false } = this.#options
      const child = new Child(name, args, { cwd: stateDir, logPath, env, appendLog, detached })
      this.#children.push(child)
      this.#running.set(name, { child, again: () => start(true) })
      return this.#stack.use(child)
    }
    return start(false)
  }

  /** The process of this name that was started last. */
  child(name: string): Child {
    const running = this.#running.get(name)
    if (running === undefined) throw new Error(`there is no ${name}`)
    return running.child
  }

  /** Starts a process again that has ended, just as it was started before. Resolves when it says that it is ready. */
  async restart(name: string): Promise<Child> {
    const child = this.#running.get(name)?.again() ?? this.child(name)
    await child.event('ready')
    const provider = this.providers.get(name)
    if (provider !== undefined) this.providers.set(name, { ...provider, child })
    return child
  }

  async #start(): Promise<void> {
    const { stateDir, providers: plans, onProgress = () => {}, ...options } = this.#options
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    const secrets = readSecrets(stateDir)
    const run = this.#run

    onProgress('settlement: opening the database…')
    const settlementPort = await freePort(options.ports?.settlement ?? 0)
    const settlement = run(
      'settlement',
      [
        SETTLEMENT,
        'serve',
        '--data-dir',
        join(stateDir, 'settlement'),
        '--network',
        NETWORK,
        '--port',
        `${settlementPort}`,
        ...(options.settlementArgs ?? []),
      ],
      { HANSE_OPERATOR_TOKEN: secrets.operatorToken },
    )
    const relayPort = await freePort(options.ports?.relay ?? 0)
    const relay = run('relay', [
      HANSE,
      'relay',
      '--json',
      '--network',
      NETWORK,
      '--data-dir',
      join(stateDir, 'relay'),
      '--listen',
      `/ip4/127.0.0.1/tcp/${relayPort},/ip4/127.0.0.1/tcp/0/ws`,
    ])
    const [settled, relayed] = await Promise.all([settlement.event('ready'), relay.event('ready')])
    this.settlementUrl = String(settled.url)
    this.settlementPeerId = String(settled.peerId)
    const addresses = relayed.addresses as string[]
    this.relayAddress = String(addresses[0])
    this.relayWebSocket = addresses.find((address) => address.includes('/ws/')) ?? ''
    this.operator = new Operator(this.settlementUrl, secrets.operatorToken)

    onProgress('providers: loading the model, signing offers…')
    const providers = plans.map((plan) => this.addProvider(plan))
    this.tenant =
      secrets.tenant ?? (await this.#createTenant('gateway', 'Demo GmbH', { keep: true }))
    const port = await freePort(options.ports?.gateway ?? 0)
    const [url] = await Promise.all([
      this.#startGateway('gateway', port, this.tenant),
      ...providers,
    ])
    this.gatewayUrl = url
    onProgress('market: waiting until the gateway sees every offer…')
    await this.untilListed(this.gatewayUrl, plans.length)
  }

  /** One more gateway, of an organization of its own, which has nothing to spend yet. */
  async addGateway(name: string): Promise<StartedGateway> {
    const tenant = await this.#createTenant(name, `${name} GmbH`, { keep: false })
    const url = await this.#startGateway(name, await freePort(0), tenant)
    return { url, tenant }
  }

  async #startGateway(name: string, port: number, tenant: Tenant): Promise<string> {
    const { stateDir, gatewayArgs = [] } = this.#options
    const gateway = this.#run(
      name,
      [
        HANSE,
        'gateway',
        '--json',
        '--network',
        NETWORK,
        '--data-dir',
        join(stateDir, name),
        '--bootstrap',
        this.relayAddress,
        '--settlement-url',
        this.settlementUrl,
        '--port',
        `${port}`,
        // Whoever tries this out asks for themselves.
        '--lawful-basis',
        'legitimate-interests',
        ...gatewayArgs,
      ],
      { HANSE_SETTLEMENT_API_KEY: tenant.apiKey },
    )
    return String((await gateway.event('ready')).url)
  }

  /** One more provider. Resolves when its offer, with evidence of where it is, is on the market. */
  async addProvider(plan: ProviderPlan): Promise<void> {
    const { stateDir } = this.#options
    const child = this.#run(plan.name, [
      HANSE,
      'provider',
      '--json',
      '--network',
      NETWORK,
      '--data-dir',
      join(stateDir, plan.name),
      '--bootstrap',
      this.relayAddress,
      '--settlement-url',
      this.settlementUrl,
      '--country',
      plan.country,
      '--input-price',
      plan.inputPrice,
      '--output-price',
      plan.outputPrice,
      // Not an engine that happens to run on this machine.
      '--engine',
      'builtin',
      // Who watches does not want to wait for a whole round of Statements.
      '--statement-every-ms',
      '1000',
      ...(plan.args ?? []),
    ])
    // A person would follow this link; Stripe's double takes the visit for a finished onboarding.
    child.on((event, facts) => {
      if (event === 'onboarding') void fetch(String(facts.url)).catch(() => {})
    })
    const ready = await child.event('ready')
    this.providers.set(plan.name, { child, peerId: String(ready.peerId) })
    await child.event('live', (facts: Facts) => Number(facts.evidenceLevel) >= 3)
  }

  /** The gateway's key decides its peer id, which the organization must know before the gateway may spend. */
  async #createTenant(name: string, title: string, { keep }: { keep: boolean }): Promise<Tenant> {
    const { stateDir } = this.#options
    // The identity is made by a first start, which needs nobody else.
    const first = this.#run(`${name}-identity`, [
      HANSE,
      'relay',
      '--json',
      '--network',
      NETWORK,
      '--data-dir',
      join(stateDir, name),
    ])
    const { peerId } = await first.event('ready')
    await first[Symbol.asyncDispose]()
    const tenant = await this.operator.createOrganization(title, [String(peerId)])
    if (keep) writeSecrets(stateDir, { ...readSecrets(stateDir), tenant })
    return tenant
  }

  /** @throws {Error} when a gateway does not see so many offers with evidence within a minute */
  async untilListed(gatewayUrl: string, count: number): Promise<void> {
    const until = Date.now() + 60_000
    while (Date.now() < until) {
      const response = await fetch(`${gatewayUrl}/hanse/v1/offers`)
      const { candidates, excluded } = (await response.json()) as {
        candidates: Facts[]
        excluded: Facts[]
      }
      const level = (offer: Facts) => Number(offer.evidenceLevel)
      if ([...candidates, ...excluded].filter((offer) => level(offer) >= 3).length >= count) return
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    throw new Error(`the gateway does not see all ${count} offers; see the logs`)
  }
}

/** What the ledger booked for a session: usage and fee cite the receipt that they are for. */
export async function entriesOf(market: Market, session: string): Promise<readonly LedgerEntry[]> {
  const response = await fetch(`${market.gatewayUrl}/hanse/v1/sessions/${session}`)
  const { receipts } = (await response.json()) as { receipts: { cid: string }[] }
  const booked = await fetch(`${market.settlementUrl}/v1/receipts/${session}`)
  const { statement } = (await booked.json()) as { statement: string | null }
  // By the Statement that told of it, together with the other sessions in it, or by its receipts.
  const causes = new Set([...receipts.map(({ cid }) => cid), statement])
  return (await market.operator.entries()).filter(({ reference }) => causes.has(reference))
}

function readSecrets(stateDir: string): Secrets {
  const path = join(stateDir, 'demo.json')
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Secrets
  const secrets = { operatorToken: randomBytes(32).toString('base64url') }
  writeSecrets(stateDir, secrets)
  return secrets
}

function writeSecrets(stateDir: string, secrets: Secrets): void {
  writeFileSync(join(stateDir, 'demo.json'), `${JSON.stringify(secrets, null, 2)}\n`, {
    mode: 0o600,
  })
}
