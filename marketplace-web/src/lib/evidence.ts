import { m } from './i18n.ts'

export const evidenceLevelMax = 4

/** What stands behind a level of evidence of location, weakest first. */
export function evidenceMeaning(level: number): string {
  return meanings[level]?.() ?? m.evidence_unknown()
}

const meanings = [m.evidence_0, m.evidence_1, m.evidence_2, m.evidence_3, m.evidence_4] as const
