import type { SettlementContext } from '../context.ts'
import type { Job } from '../jobs/job.ts'
import { attest } from './attest.ts'

export const ATTESTATION_JOBS: readonly Job[] = [
  {
    name: 'attestations',
    purpose:
      'attest anew where providers are, for whom it was attested before, and forget old challenges',
    schedule: { cron: '3 0 * * *' },
    audited: true,
    work: async (context, signal) => ({
      ...(await renewAttestations(context, signal)),
      challenges: await context.store.forgetLocationChallenges(context.now()),
    }),
  },
]

/** A node takes what was renewed within ten minutes: whoever is attested stays so while the evidence holds. */
export async function renewAttestations(
  context: SettlementContext,
  signal?: AbortSignal,
): Promise<{ readonly renewed: number; readonly refused: number }> {
  const { store, now } = context
  const counts = { renewed: 0, refused: 0 }
  for (const peerId of await store.attestedProviders(now())) {
    if (signal?.aborted === true) break
    const row = await store.provider(peerId)
    if (row === undefined) continue
    if ('attestation' in (await attest(context, row))) counts.renewed++
    else counts.refused++
  }
  return counts
}
