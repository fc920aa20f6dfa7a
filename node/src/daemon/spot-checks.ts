import type { Signer } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { spotCheckGroup } from '../config/groups/spot-checks.ts'
import type { Settings } from '../config/settings.ts'
import type { Consumer } from '../consumer/consumer.ts'
import type { Account } from '../consumer/request.ts'
import { fractions } from '../consumer/routing/fractions.ts'
import { SpotChecker } from '../consumer/spot-check/spot-checker.ts'
import { DOUBTS } from '../consumer/spot-check/verdict.ts'
import type { Buyer } from '../openai/index.ts'
import type { NodeStore } from '../store/node-store.ts'
import { clock, random } from './running.ts'

export interface SpotCheckParts {
  readonly networkName: string
  readonly signer: Signer
  readonly store: NodeStore
  readonly consumer: Consumer
  /** Whose money checks cost. @throws {HanseError} when nothing may be asked now */
  readonly account: () => Account | undefined
  readonly log: FastifyBaseLogger
}

/** A consumer whose answers are asked for again now and then, and what stops that. */
export interface CheckedConsumer extends Buyer, AsyncDisposable {}

/** Asks for a share of the answers twice, keeps what was found, and counts it in the choice of providers. */
export function withSpotChecks(
  { spotCheckPercent, spotCheckDivergence }: Settings<typeof spotCheckGroup>,
  { networkName, signer, store, consumer, account, log }: SpotCheckParts,
): CheckedConsumer {
  const checker = new SpotChecker({
    networkName,
    signer,
    store,
    settings: {
      share: spotCheckPercent / 100,
      differentFrom: spotCheckDivergence * PARTS_PER_PERCENT,
    },
    consumer,
    account,
    onFound: ({ check, differ, texts }) => {
      const { cid, value } = check
      store.spotChecks.put({ cid: cid.toString(), check: value, signed: check, differ, texts })
      const { model, divergence, first, second } = value
      const who = { first: first.provider, second: second.provider }
      const facts = { model, divergence: divergence / PARTS_PER_PERCENT, ...who }
      if (differ) log.warn(facts, 'two providers gave different answers')
      else log.info(facts, 'two providers gave the same answer')
    },
    onStanding: (provider, model, standing) => {
      consumer.compared(provider, model, DOUBTS[standing])
      if (standing === 'refuted') log.warn({ provider, model }, 'others refute this provider')
    },
    onFault: (error) => {
      const cause = error instanceof Error ? error.message : ''
      log.warn({ cause }, 'an answer could not be checked')
    },
    now: clock,
    chance: fractions(random),
  })
  return {
    request: async (request, options) =>
      checker.watch(request, await consumer.request(request, options)),
    [Symbol.asyncDispose]: async () => await checker.stop(),
  }
}

/** Divergence is counted in parts of a million. */
const PARTS_PER_PERCENT = 10_000
