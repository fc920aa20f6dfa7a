import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '@hanse/settlement/testing'
import { Child } from '../../../scripts/demo/child.ts'
import { Balancer } from './balancer.ts'

export const NETWORK = 'test'
export const OPERATOR = 'the-operator-of-these-tests'

const ROOT = new URL('../../../', import.meta.url).pathname
const PROGRAM = join(ROOT, 'settlement/bin/hanse-settlement.mjs')

export interface ClusterOptions {
  readonly store: 'pglite' | 'postgres'
  /** Of the service; one on PGlite. */
  readonly processes: number
  readonly args?: readonly string[]
}

/** Processes of the settlement service behind a balancer, with Stripe's double in a process of its own. */
export class Cluster implements AsyncDisposable {
  readonly folder: string
  readonly balancer: Balancer
  readonly stripeUrl: string
  readonly #stack: AsyncDisposableStack
  readonly #options: ClusterOptions
  readonly #env: Readonly<Record<string, string>>
  readonly #services: Child[] = []
  readonly #urls: string[] = []

  private constructor(
    parts: Pick<Cluster, 'folder' | 'balancer' | 'stripeUrl'>,
    env: Readonly<Record<string, string>>,
    options: ClusterOptions,
    stack: AsyncDisposableStack,
  ) {
    this.folder = parts.folder
    this.balancer = parts.balancer
    this.stripeUrl = parts.stripeUrl
    this.#env = env
    this.#options = options
    this.#stack = stack
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'hanse-cluster-'))
    stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    const env: Record<string, string> = { HANSE_OPERATOR_TOKEN: OPERATOR, XDG_CONFIG_HOME: folder }
    if (options.store === 'postgres') {
      const server = stack.use(await startPostgres())
      env.DATABASE_URL = await server.createDatabase()
    }
    const balancer = stack.use(await Balancer.start())
    const double = stack.use(
      new Child(
        'double',
        [
          PROGRAM,
          'stripe-double',
          `--data-dir=${join(folder, 'data')}`,
          `--public-url=${balancer.url}`,
        ],
        { cwd: folder, logPath: join(folder, 'double.log'), env },
      ),
    )
    const { stripeUrl } = await double.event('ready')
    const parts = { folder, balancer, stripeUrl: String(stripeUrl) }
    const cluster = new Cluster(parts, env, options, stack.move())
    try {
      for (let i = 0; i < options.processes; i++) await cluster.startService(i)
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
    return cluster
  }

  get databaseUrl(): string | undefined {
    return this.#env.DATABASE_URL
  }

  /** Starts service `i`, and gives it requests as soon as it is ready. */
  async startService(i: number): Promise<void> {
    const service = new Child(
      `settlement ${i}`,
      [
        PROGRAM,
        'serve',
        `--data-dir=${join(this.folder, 'data')}`,
        '--port=0',
        `--network=${NETWORK}`,
        `--stripe-url=${this.stripeUrl}`,
        '--log-origin=test/log',
        `--public-url=${this.balancer.url}`,
        '--log-level=error',
        ...(this.#options.args ?? []),
      ],
      {
        cwd: this.folder,
        logPath: join(this.folder, `settlement-${i}.log`),
        env: this.#env,
        appendLog: true,
      },
    )
    this.#services[i] = service
    const { url } = await service.event('ready')
    this.#urls[i] = String(url)
    await this.balancer.add(String(url))
  }

  /** As a power cut of that machine would. */
  async kill(i: number): Promise<void> {
    this.balancer.remove(this.#urls[i] ?? '')
    await this.#services[i]?.killed()
  }

  /** As an update would: the balancer finds out by itself. */
  async stop(i: number): Promise<void> {
    await this.#services[i]?.[Symbol.asyncDispose]()
    this.balancer.remove(this.#urls[i] ?? '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#services) await service[Symbol.asyncDispose]()
    await this.#stack[Symbol.asyncDispose]()
  }
}
