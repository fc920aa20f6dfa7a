import type { Finding, FindingState } from './finding.ts'
import { whyNoWork } from './why-no-work.ts'

type Paint = (colour: 'red' | 'green' | 'yellow' | 'dim' | 'bold', text: string) => string

const MARKS: Readonly<Record<FindingState, readonly [string, 'red' | 'green' | 'yellow' | 'dim']>> =
  {
    ok: ['✓', 'green'],
    warn: ['!', 'yellow'],
    fail: ['✗', 'red'],
    unknown: ['?', 'dim'],
  }

/** What the doctor says of one program, for people. */
export function printed(title: string, findings: readonly Finding[], paint: Paint): string {
  const why = whyNoWork(findings)
  const reasons = why.map(
    ({ title: reason, id }, i) => `  ${i + 1}. ${reason} ${paint('dim', `(${id})`)}`,
  )
  const summary =
    reasons.length === 0
      ? [paint('bold', `${title}: nothing found that keeps work away`)]
      : [paint('bold', `${title}: why no work comes, the likeliest first`), ...reasons]
  return [
    ...summary,
    '',
    ...findings.flatMap((one) => lines(one, paint)),
    '',
    count(findings),
  ].join('\n')
}

function lines({ id, title, state, advice }: Finding, paint: Paint): string[] {
  const [mark, colour] = MARKS[state]
  const head = `${paint(colour, mark)} ${title} ${paint('dim', id)}`
  return advice === '' ? [head] : [head, `    ${advice}`]
}

/** "31 checks: 28 ok, 2 warnings, 1 failed". */
function count(findings: readonly Finding[]): string {
  const of = (state: FindingState) => findings.filter((one) => one.state === state).length
  const parts = [
    `${of('ok')} ok`,
    ...(of('warn') > 0 ? [`${of('warn')} to look at`] : []),
    ...(of('fail') > 0 ? [`${of('fail')} failed`] : []),
    ...(of('unknown') > 0 ? [`${of('unknown')} not known`] : []),
  ]
  return `${findings.length} checks: ${parts.join(', ')}`
}
