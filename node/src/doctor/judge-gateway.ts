import { clockRight } from './checks/clock.ts'
import {
  evidenceCanSatisfy,
  gatewayAccess,
  gatewayBasis,
  gatewayBootstrap,
  gatewayExposed,
  gatewayLog,
  gatewayPeers,
  gatewayRuns,
  offersFit,
  storeWhole,
} from './checks/gateway.ts'
import {
  gatewayBalance,
  gatewayKey,
  gatewayMember,
  gatewaySettlement,
} from './checks/gateway-money.ts'
import { diskFree, memoryFree } from './checks/machine.ts'
import type { Finding } from './finding.ts'
import type { GatewayCheck, GatewayFacts } from './gateway-facts.ts'

/** Every question about a gateway, the likeliest cause of no answer first. */
const CHECKS: readonly GatewayCheck[] = [
  gatewayRuns,
  gatewayAccess,
  gatewayExposed,
  gatewayBasis,
  gatewayBootstrap,
  gatewayPeers,
  evidenceCanSatisfy,
  offersFit,
  gatewaySettlement,
  gatewayKey,
  gatewayBalance,
  gatewayMember,
  clockRight,
  storeWhole,
  gatewayLog,
  diskFree,
  memoryFree,
]

/** What is well and what is not with a gateway, the likeliest cause of no answer first. */
export function judgeGateway(facts: GatewayFacts): readonly Finding[] {
  return CHECKS.map((check) => check(facts)).filter((finding) => finding !== undefined)
}
