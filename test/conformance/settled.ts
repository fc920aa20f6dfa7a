import { type Attempt, fail, type Parts, type Trust } from './checks.ts'
import { type Opened, readRecord } from './records.ts'
import { checkEvent, checkLogged, compare } from './settlement.ts'

/** What a bundle says of its settlement; without a proof nothing is wrong, and nothing proved. */
export function checkSettlement(
  parts: Parts,
  trust: Trust,
  attempt: Attempt,
  session: { readonly order: Opened; readonly last: Opened; readonly issuer: string | undefined },
): void {
  const [keys, proofs] = [parts.all('log-key'), parts.all('settlement-proof')]
  // Who has no authorization has nothing to settle, and so nothing to prove.
  const isFree = session.issuer === undefined && keys.length + proofs.length === 0
  const records = attempt('settlement', (unproved) => {
    if (isFree) return undefined
    if (keys.length === 0 && proofs.length === 0) return unproved()
    if (keys.length !== 1 || proofs.length !== 1) fail('not one key and one proof')
    const proof = readRecord(
      'hanse.settlement-proof.v1',
      parts.one('settlement-proof').bytes,
    ).fields
    checkEvent(parts.network, proof, { order: session.order.name, receipt: session.last.name })
    return { proof, key: parts.one('log-key') }
  })
  const logged = attempt('inclusion', (unproved) => {
    if (isFree) return undefined
    if (records === undefined) return unproved()
    const found = checkLogged(parts.network, records.proof, records.key)
    const isIssuers = session.issuer === undefined || session.issuer === found.settlement
    if (!isIssuers) fail('the log of another settlement')
    if (trust.settlements?.includes(found.settlement) !== true) unproved()
    return found
  })
  attempt('consistency', (unproved) => {
    if (isFree) return
    if (records === undefined || logged === undefined || trust.checkpoint === undefined)
      return unproved()
    if (compare(logged, records.proof, trust.checkpoint) === null) unproved()
  })
}
