import { clockRight } from './checks/clock.ts'
import {
  countryDeclared,
  daemonRuns,
  daemonServes,
  daemonVersion,
  modelsOffered,
} from './checks/daemon.ts'
import { ordersCome, ordersTaken, sessionsEndWell, slotsFree } from './checks/demand.ts'
import { reachableByPeers } from './checks/dial-back.ts'
import { engineAnswers, engineReady } from './checks/engine.ts'
import { diskFree, gpusCool, gpusOurs, memoryFree } from './checks/machine.ts'
import {
  defaultConsumersMatch,
  evidenceEnough,
  evidenceLasts,
  homelabConsumersMatch,
  marketSeen,
  pricesCompete,
} from './checks/market.ts'
import {
  authorizationReachable,
  consumersCanPay,
  receiptsSettle,
  revocationsRead,
  settlementAnswers,
  settlementPays,
} from './checks/money.ts'
import {
  bootstrapAnswers,
  listensWideEnough,
  networkKey,
  offerLive,
  peersConnected,
  strangersDialIt,
  strangersFindIt,
} from './checks/reach.ts'
import { identityAlone } from './checks/twin.ts'
import type { Finding } from './finding.ts'
import type { ProviderCheck, ProviderFacts } from './provider-facts.ts'

/**
 * Every question about a provider, the likeliest cause of no work first: what stands earlier explains what stands
 * later, as a daemon that does not run explains that nobody finds it.
 */
const CHECKS: readonly ProviderCheck[] = [
  daemonRuns,
  daemonServes,
  countryDeclared,
  modelsOffered,
  engineReady,
  engineAnswers,
  bootstrapAnswers,
  networkKey,
  peersConnected,
  offerLive,
  identityAlone,
  strangersFindIt,
  listensWideEnough,
  strangersDialIt,
  reachableByPeers,
  consumersCanPay,
  settlementAnswers,
  settlementPays,
  evidenceEnough,
  defaultConsumersMatch,
  homelabConsumersMatch,
  clockRight,
  ordersTaken,
  pricesCompete,
  authorizationReachable,
  evidenceLasts,
  sessionsEndWell,
  slotsFree,
  gpusOurs,
  gpusCool,
  diskFree,
  memoryFree,
  receiptsSettle,
  revocationsRead,
  ordersCome,
  marketSeen,
  daemonVersion,
]

/** What is well and what is not with a provider, the likeliest cause of no work first. */
export function judgeProvider(facts: ProviderFacts): readonly Finding[] {
  return CHECKS.map((check) => check(facts)).filter((finding) => finding !== undefined)
}
