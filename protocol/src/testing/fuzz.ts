import { consumerTarget } from './fuzz-consumer.ts'
import { logTargets } from './fuzz-log.ts'
import { providerTarget } from './fuzz-provider.ts'
import { recordTargets } from './fuzz-records.ts'
import { statementTargets } from './fuzz-statements.ts'
import type { Target } from './fuzz-target.ts'

export { mutated } from './fuzz-mutations.ts'
export { Broken, type Target } from './fuzz-target.ts'

/** Everything that takes bytes from strangers. */
export const TARGETS: readonly Target[] = [
  ...recordTargets,
  ...logTargets,
  ...statementTargets,
  providerTarget,
  consumerTarget,
]
