import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { prepareDataDir } from '@hanse/settlement/testing'
import { ENGINE_PROCESS } from '@hanse/simulations/lab'
import { Child } from '../../../scripts/demo/child.ts'
import { LoadClient } from '../load-client.ts'
import type { Watched } from '../process-use.ts'
import type { Side } from '../sides.ts'

const HANSE = fileURLToPath(new URL('../../../node/bin/hanse.mjs', import.meta.url))
const NETWORK = 'bench'
const MODEL = 'stub-model'
/** More than is asked for at once. */
const SLOTS = '64'
const LISTED_MS = 60_000

/** In the order in which they are shown; ratios are over the first. */
export const MODES = ['off', 'on'] as const
export type Mode = (typeof MODES)[number]

const GATEWAY_ARGS: Readonly<Record<Mode, readonly string[]>> = {
  off: ['--eu-audit', 'false', '--residency', 'anywhere', '--min-level', '0'],
  on: [
    '--eu-audit',
    'true',
    '--residency',
    'EU',
    '--min-level',
    '4',
    '--evidence',
    'operator',
  ].concat(['--lawful-basis', 'legitimate-interests']),
}

/**
 * One engine, and two networks before it that know nothing of each other: relay, provider and gateway without EU mode, and the
 * same with it. Both providers are attested by the settlement service in this process; one gateway asks for that.
 */
export class EuRig implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly #folder = mkdtempSync(join(tmpdir(), 'hanse-bench-'))
  readonly sides: Side<LoadClient>[] = []

  private constructor() {
    this.#stack.defer(() => rmSync(this.#folder, { recursive: true, force: true }))
  }

  static async start(): Promise<EuRig> {
    const rig = new EuRig()
    const interrupted = (): void => {
      void rig[Symbol.asyncDispose]().finally(() => process.exit(130))
    }
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
    rig.#stack.defer(() => void process.off('SIGINT', interrupted).off('SIGTERM', interrupted))
    try {
      await rig.#start()
      return rig
    } catch (error) {
      await rig[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #start(): Promise<void> {
    const dataDir = join(this.#folder, 'settlement')
    await prepareDataDir(dataDir)
    const settlement = this.#stack.use(
      await openSettlement({ dataDir, network: NETWORK, pressure: { eventLoopMs: Infinity } }),
    )
    const engine = this.#spawn('engine', [ENGINE_PROCESS, MODEL])
    const engineUrl = String((await engine.event('ready')).url)
    for (const mode of MODES) {
      const { url, watched } = await this.#startSide(mode, engineUrl, settlement)
      const client = new LoadClient(url, MODEL)
      this.#stack.defer(() => client.close())
      this.sides.push({ name: mode, target: client, watched: [...watched, watchedOf(engine)] })
    }
  }

  async #startSide(mode: Mode, engineUrl: string, settlement: Settlement) {
    const { addresses } = await this.#hanse(`relay-${mode}`, []).event('ready')
    const shared = ['--bootstrap', String((addresses as readonly unknown[])[0])]
    const paid = [...shared, '--settlement-url', settlement.url]
    const audit = ['--eu-audit', mode === 'on' ? 'true' : 'false']
    const engine = ['--engine', 'openai', '--engine-url', engineUrl, '--slots', SLOTS]
    const free = ['--country', 'DE', '--input-price', '0', '--output-price', '0']
    const provider = this.#hanse(`provider-${mode}`, [...paid, ...audit, ...engine, ...free])
    await this.#attest(provider, settlement)
    const gateway = this.#hanse(`gateway-${mode}`, [...paid, '--port', '0', ...GATEWAY_ARGS[mode]])
    const url = String((await gateway.event('ready')).url)
    await untilListed(`${url}/hanse/v1/offers`)
    return { url: `${url}/v1`, watched: [gateway, provider].map(watchedOf) }
  }

  /** As an operator who has looked at documents. */
  async #attest(provider: Child, { url, operatorToken }: Settlement): Promise<void> {
    const { peerId } = await provider.event('ready')
    const documents = `${url}/v1/admin/attestations/${String(peerId)}/documents`
    for (const until = Date.now() + LISTED_MS; ; await sleep(200)) {
      const response = await fetch(documents, {
        method: 'POST',
        headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ country: 'DE', reference: 'bench' }),
      })
      const said = await response.text()
      if (response.ok) break
      // It binds itself once it runs.
      if (Date.now() > until) throw new Error(`settlement attests nothing: ${said}`)
    }
    await provider.event('live', (facts) => Number(facts.evidenceLevel) === 4)
  }

  #hanse(name: string, args: readonly string[]): Child {
    const [command = name] = name.split('-')
    const dataDir = join(this.#folder, name)
    const common = ['--json', '--network', NETWORK, '--data-dir', dataDir]
    return this.#spawn(name, [HANSE, command, ...common, ...args])
  }

  #spawn(name: string, args: readonly string[]): Child {
    const logPath = join(this.#folder, 'logs', `${name}.log`)
    return this.#stack.use(new Child(name, args, { cwd: this.#folder, logPath }))
  }
}

function watchedOf({ name, pid }: Child): Watched {
  if (pid === undefined) throw new Error(`${name} has no process`)
  // Of both sides the same: costs are compared by name.
  return { name: name.split('-')[0] ?? name, pid }
}

async function untilListed(offersUrl: string): Promise<void> {
  for (const until = Date.now() + LISTED_MS; Date.now() < until; await sleep(100)) {
    const { candidates } = (await (await fetch(offersUrl)).json()) as { candidates: unknown[] }
    if (candidates.length > 0) return
  }
  throw new Error('the gateway does not see the provider’s offer')
}
