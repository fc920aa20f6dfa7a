import { type BundleReport, HanseError, verifyBundle } from '@hanse/protocol'
import type { ReceiptSource } from './receipt-source.ts'

export interface Verified {
  readonly session: string
  readonly report: BundleReport
  /** What the first check says that failed. */
  readonly fault: string | undefined
}

/** Checks the bundles of these sessions, one after the other. Sessions without a receipt prove nothing and are left out. */
export async function* verifyAll(
  source: ReceiptSource,
  sessions: readonly string[],
  trust: { readonly network: string; readonly settlements: readonly string[] },
): AsyncGenerator<Verified> {
  const { network, settlements } = trust
  for (const session of sessions) {
    const bytes = await bundleOf(source, session)
    if (bytes === undefined) continue
    const report = verifyBundle(bytes, {
      network,
      ...(settlements.length === 0 ? {} : { attestors: settlements, settlements }),
    })
    const failed = report.checks.find(({ status }) => status === 'failed')
    yield {
      session,
      report,
      fault: failed === undefined ? undefined : `${failed.id}: ${failed.detail}`,
    }
  }
}

async function bundleOf(source: ReceiptSource, session: string): Promise<Uint8Array | undefined> {
  try {
    return await source.bundle(session)
  } catch (error) {
    if (error instanceof HanseError && error.code === 'HANSE_NOT_FOUND') return undefined
    throw error
  }
}
