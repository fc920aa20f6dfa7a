/** `unknown` is what could not be looked at: neither good news nor bad. */
export type FindingState = 'ok' | 'warn' | 'fail' | 'unknown'

export type FactValue = string | number | boolean | null | readonly string[]
export type FindingFacts = Readonly<Record<string, FactValue>>

/** The answer to one question of the doctor. */
export interface Finding {
  /** Stable, such as `reach.listen`: one question, one id, whatever the answer. */
  readonly id: string
  /** The answer in one line. */
  readonly title: string
  readonly state: FindingState
  /** What the answer rests on. Never a prompt, an answer or a secret. */
  readonly facts: FindingFacts
  /** What to do, with the command or setting to change; empty when there is nothing to do. */
  readonly advice: string
}

export const ok = (id: string, title: string, facts: FindingFacts = {}): Finding => ({
  id,
  title,
  state: 'ok',
  facts,
  advice: '',
})

type Bad = (id: string, title: string, advice: string, facts?: FindingFacts) => Finding

const bad =
  (state: Exclude<FindingState, 'ok'>): Bad =>
  (id, title, advice, facts = {}) => ({ id, title, state, facts, advice })

export const warn: Bad = bad('warn')
export const fail: Bad = bad('fail')
export const unknown: Bad = bad('unknown')

/** Whether nothing fails: then the doctor's exit code is 0. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ state }) => state !== 'fail')
}
