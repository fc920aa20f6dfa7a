import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AuditEvent,
  AuditLog,
  Authorizer,
  Consumer,
  type Network,
  NodeStore,
  OfferDirectory,
  refusalsNote,
  unreachedNote,
} from '@hanse/node'
import { HanseError, picoEuro, type RegionAttestation, type ResidencyPolicy } from '@hanse/protocol'
import { MODEL, NETWORK, newIdentity, openLoopback, type TappedPeer } from './tapped-peer.ts'

const context = { network: NETWORK }
const log = { warn: () => {}, error: () => {} }
const random = (bytes: number) => new Uint8Array(randomBytes(bytes))
/** Of a whole request on a loaded machine; what is refused is refused at once. */
const DEADLINE_MS = 60_000

/** What the directory that is asked believes. */
export type Discovery =
  /** It looks at what providers show. */
  | 'honest'
  /** It was taken over, and says of everybody what the policy wants to hear. */
  | 'bypassed'

export interface EuConsumerOptions {
  readonly peers: readonly Pick<TappedPeer, 'peerId' | 'addresses' | 'signed' | 'attestations'>[]
  readonly trustedAttestors: readonly string[]
  readonly policy?: Partial<ResidencyPolicy>
  readonly discovery?: Discovery
  readonly isRevoked?: (cid: string) => boolean
  readonly now?: () => number
  /** Of relays that it may go through. */
  readonly relays?: 'any' | readonly string[]
}

export const newMarker = (): string => `marker-${randomBytes(16).toString('hex')}`

type Refusal = Extract<AuditEvent, { kind: 'residency' }>

/** A consumer as the gateway runs it in EU mode: real network, real policy, and an audit log in files. */
export class EuConsumer implements AsyncDisposable {
  /** In the prompts that it sends, and nowhere else. */
  readonly marker = newMarker()
  readonly network: Network
  readonly #consumer: Consumer
  readonly #audit: AuditLog
  readonly #resources: AsyncDisposableStack

  private constructor(
    network: Network,
    consumer: Consumer,
    audit: AuditLog,
    resources: AsyncDisposableStack,
  ) {
    this.network = network
    this.#consumer = consumer
    this.#audit = audit
    this.#resources = resources
  }

  static async open(options: EuConsumerOptions): Promise<EuConsumer> {
    await using stack = new AsyncDisposableStack()
    const { peers, trustedAttestors, policy, isRevoked, now = Date.now, relays = 'any' } = options
    const identity = await newIdentity()
    const { signer } = identity
    const folder = mkdtempSync(join(tmpdir(), 'hanse-residency-'))
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const network = stack.use(await openLoopback(identity, { listen: [], gate: { relays } }))
    const store = stack.use(new NodeStore(':memory:'))
    const audit = stack.use(
      await AuditLog.open(
        folder,
        { network: NETWORK, peerId: signer.peerId },
        { store, log, now, random },
      ),
    )
    const residency = { allow: ['EU'], minLevel: 3, trustedAttestors, ...policy }
    const known = knowing(network, peers)
    const note = refusalsNote(audit, { log, now })
    const onUnreached = unreachedNote(note, residency)
    const honest = { network: known, context, now, onUnreached, ...(isRevoked && { isRevoked }) }
    const directory =
      options.discovery === 'bypassed'
        ? new TakenOver({ network: known, context, now }, peers, residency)
        : new OfferDirectory(honest)
    const consumer = stack.use(
      new Consumer({
        networkName: NETWORK,
        signer,
        network,
        store,
        directory,
        authorizer: new Authorizer({
          context,
          store,
          source: undefined,
          amount: picoEuro(1n),
          now,
        }),
        settings: {
          residency,
          maxInputPrice: undefined,
          maxOutputPrice: undefined,
          receiptEvery: 32n,
          creditWindowMax: picoEuro(10n ** 9n),
          deadlineMs: DEADLINE_MS,
          keepRequests: false,
        },
        now,
        random,
        ...(isRevoked && { isRevoked }),
        onRefused: note,
      }),
    )
    return new EuConsumer(network, consumer, audit, stack.move())
  }

  /** Asks with a prompt that has the marker in it. @returns the code of what it came to, for nobody here answers */
  async ask(marker = this.marker): Promise<string> {
    const messages = [{ role: 'user', content: `Summarize for Jane Roe: ${marker}` }]
    const body = new TextEncoder().encode(JSON.stringify({ model: MODEL, messages }))
    const asked = { kind: 'chat', model: MODEL, body, maxOutputTokens: 8, policy: {} } as const
    try {
      await this.#consumer.request(asked, { signal: AbortSignal.timeout(DEADLINE_MS) })
      return 'answered'
    } catch (error) {
      if (error instanceof HanseError) return error.code
      throw error
    }
  }

  /** What the audit log says of whom nothing was sent to; each has its place in the log. */
  async refusals(): Promise<Refusal[]> {
    await this.#audit.flush()
    const found: Refusal[] = []
    for (let index = 0n; ; index++) {
      const event = this.#audit.events.at(index)?.event
      if (event === undefined) return found
      if (event.kind === 'residency') found.push(event)
    }
  }

  /** Whom an entry of the log is about. */
  about({ counterparty }: Refusal): string | undefined {
    return this.#audit.events.unseal(counterparty)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }
}

/** A network in which everybody offers everything: who is there is not what these tests are about. */
function knowing(network: Network, peers: EuConsumerOptions['peers']) {
  return {
    findProviders: async function* () {
      for (const { peerId, addresses } of peers) yield { peerId, addresses: [...addresses] }
    },
    getValue: async () => undefined,
    knownAddresses: async () => [],
    openStream: (...given: Parameters<Network['openStream']>) => network.openStream(...given),
  }
}

/** Says of every provider that it is attested as the policy asks. What they really show it hands on. */
class TakenOver extends OfferDirectory {
  readonly #peers: EuConsumerOptions['peers']
  readonly #policy: ResidencyPolicy
  readonly #now: () => number

  constructor(
    options: ConstructorParameters<typeof OfferDirectory>[0],
    peers: EuConsumerOptions['peers'],
    policy: ResidencyPolicy,
  ) {
    super(options)
    this.#peers = peers
    this.#policy = policy
    this.#now = options.now
  }

  override async find() {
    return this.#peers.map(({ signed, attestations, addresses }) => ({
      signed,
      offer: { ...signed.value, country: 'DE' },
      signedAttestations: attestations,
      attestations: [this.#flattering(signed.value.provider)],
      addresses: [...addresses],
      fetchedAt: this.#now(),
    }))
  }

  #flattering(subject: RegionAttestation['subject']): RegionAttestation {
    const now = this.#now()
    return {
      subject,
      country: 'DE',
      evidence: [{ kind: 'operator', reference: 'made up' }],
      level: 4,
      notBefore: now - 1,
      notAfter: now + 60_000,
      issuer: this.#policy.trustedAttestors[0] as RegionAttestation['issuer'],
    }
  }
}
