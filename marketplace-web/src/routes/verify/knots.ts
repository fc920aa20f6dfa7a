import { locale, m } from '#lib/i18n.ts'
import { exactEuro, picoEuro } from '#lib/money.ts'
import type { ChainLink } from '#lib/verify/read-chain.ts'

/** A receipt as a knot: broken where its bytes, its link or one of its signatures is not what it has to be. */
export function knotOf(link: ChainLink): { state: 'whole' | 'broken'; label: string } {
  const signed = ['provider', 'consumer'].every((role) => link.signedBy.includes(role))
  const state = link.named && link.linked && signed ? 'whole' : 'broken'
  const says = { number: String(link.sequence), amount: exactEuro(picoEuro(link.amount), locale()) }
  return { state, label: state === 'whole' ? m.knot_whole(says) : m.knot_broken(says) }
}
