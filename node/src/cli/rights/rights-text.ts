import type {
  DataExportView,
  ErasureView,
  RightsDetail,
  RightsRequestView,
} from '../../settlement/rights-json.ts'
import { dayText, minuteText } from '../money/money-text.ts'
import { table } from '../output.ts'
import { clean } from '../terminal-text.ts'

export const requestsText = (requests: readonly RightsRequestView[]): string =>
  requests.length === 0
    ? 'Nothing was asked yet: hanse rights open, or hanse rights download for all that is held.'
    : table([['REQUEST', 'KIND', 'STATE', 'ASKED', 'ANSWER'], ...requests.map(rowOf)])

function rowOf(request: RightsRequestView): string[] {
  const { id, kind, state, receivedAt } = request
  return [clean(id), clean(kind), clean(state), dayText(receivedAt), answerOf(request)]
}

function answerOf({
  kind,
  state,
  dueAt,
  endedAt,
  announcedAt,
  liftedAt,
  extended,
}: RightsRequestView) {
  if (liftedAt !== null) return `held until ${dayText(liftedAt)}`
  if (endedAt === null) return `due ${dayText(dueAt)}${extended ? ' (extended)' : ''}`
  if (kind !== 'restriction' || state !== 'done') return dayText(endedAt)
  const until = announcedAt === null ? '' : `, to be lifted: told on ${dayText(announcedAt)}`
  return `holds since ${dayText(endedAt)}${until}`
}

export function detailText(request: RightsDetail): string {
  const { history, recipients } = request
  const steps = history.map(({ at, step, by, ground, note }) => {
    const why = [ground, note].filter((one) => one !== null).map(clean)
    return [minuteText(at), clean(step), clean(by), why.join(': ')]
  })
  const lines = [requestsText([request]), '', table([['AT (UTC)', 'STEP', 'BY', 'WHY'], ...steps])]
  if (recipients.length === 0) return lines.join('\n')
  const told = recipients.map(({ node, side, authorizations, lastAt }) => [
    clean(node),
    clean(side),
    String(authorizations),
    dayText(lastAt),
  ])
  return [...lines, '', table([['KNOWN TO', 'AS', 'TIMES', 'LAST'], ...told])].join('\n')
}

export const exportsText = (exports: readonly DataExportView[]): string =>
  exports.length === 0
    ? 'No archive was asked for: hanse rights export, or hanse rights download for all at once.'
    : table([
        ['EXPORT', 'STATE', 'ASKED', 'TABLES', 'RECORDS', 'KEPT UNTIL'],
        ...exports.map(
          ({ id, state, createdAt, tablesDone, tablesAll, records, expiresAt, failure }) => [
            clean(id),
            failure === null ? clean(state) : `${clean(state)}: ${clean(failure)}`,
            minuteText(createdAt),
            `${tablesDone} of ${tablesAll}`,
            String(records),
            expiresAt === null ? '' : dayText(expiresAt),
          ],
        ),
      ])

export function erasureText({ tables, tombstone }: ErasureView): string {
  const rows = tables
    .filter((one) => one.rows > 0)
    .map(({ table: name, rows: count, outcome, because }) => [
      clean(name),
      String(count),
      clean(outcome),
      clean(because ?? ''),
    ])
  const what =
    rows.length === 0 ? 'nothing was here' : table([['TABLE', 'ROWS', 'OUTCOME', 'WHY'], ...rows])
  return `${what}\n\nerased, as ${clean(tombstone)}`
}
