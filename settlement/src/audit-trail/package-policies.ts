import type { PackageFile } from '@hanse/protocol'
import type { SettlementStore } from '../db/store.ts'
import type { AuditPackage } from './audit-package.ts'
import type { TrailEvent } from './trail-event.ts'

/** Changes of one period: who changes a policy more often than that does not mean it. */
const CHANGES_MAX = 200

/** The usage policies that counted at some time of a period, each as it was written. */
export async function policyFiles(
  store: SettlementStore,
  { organization, from }: AuditPackage,
  events: readonly TrailEvent[],
): Promise<PackageFile[]> {
  const [before] = await store.trailEvents({
    viewer: { organization },
    from: 0,
    to: from,
    kinds: ['policy-changed'],
    limit: 1,
  })
  const changes = [...(before === undefined ? [] : [before]), ...events].flatMap(versionOf)
  const versions = [...new Set(changes)].slice(-CHANGES_MAX)
  const files: PackageFile[] = []
  for (const version of versions) {
    const policy = await store.policy(organization, version)
    if (policy === undefined) continue
    const path = `policies/version-${version}.${policy.format}`
    files.push({ path, bytes: new TextEncoder().encode(policy.source) })
  }
  return files
}

const versionOf = ({ kind, details }: TrailEvent): number[] =>
  kind === 'policy-changed' && typeof details?.version === 'number' ? [details.version] : []
